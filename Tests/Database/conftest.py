"""The recorded statements and the migrated schemas that they are held against."""

import os
import pathlib
import sqlite3
import sys

import pytest

import census

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("ROLLCALL_BINARY", ROOT / ".build" / "debug" / "rollcall"))
RECORDS = pathlib.Path(os.environ.get("SQL_CENSUS", ROOT / ".build" / "sql-census"))
sys.path.insert(0, str(ROOT / "Tests" / "Interop"))


@pytest.fixture(scope="session")
def schemas(tmp_path_factory):
    """Every database of a data folder that a server has just made, by its file's name."""
    from rollcall_server import Server

    data = tmp_path_factory.mktemp("census") / "data"
    with Server(BINARY, data):
        pass
    opened = {path.name: sqlite3.connect(path) for path in data.glob("*.db")}
    assert "rollcall.db" in opened
    yield opened
    for one in opened.values():
        one.close()


@pytest.fixture(scope="session")
def statements(schemas):
    sources = sorted((ROOT / "Sources" / "Store").glob("Migrations/*.swift"))
    assert sources
    migrations = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    found = census.read(RECORDS, schemas, migrations)
    # A run of one suite is no census.
    missing = {"SELECT", "INSERT", "UPDATE", "DELETE", "BEGIN"} - {one.verb for one in found}
    assert len(found) > 150 and not missing, f"{len(found)} statements in {RECORDS}: `make census` records them"
    return found
