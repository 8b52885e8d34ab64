"""A PostgreSQL for the time of a test run, and the dialect that takes the schema there."""

import contextlib
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import tempfile

import psycopg

BINARIES = pathlib.Path("/usr/lib/postgresql/15/bin")


@contextlib.contextmanager
def server():
    """A server in a temporary folder, on a socket there, as an unprivileged user: it refuses to be root."""
    user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    folder = pathlib.Path(tempfile.mkdtemp(prefix="rollcall-pg-", dir="/tmp"))
    if user:
        shutil.chown(folder, user["user"], user["group"])

    def run(program: str, *arguments: str):
        done = subprocess.run(
            [BINARIES / program, *arguments],
            cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **user)
        assert done.returncode == 0, f"{program}: {done.stdout}"

    data = str(folder / "data")
    try:
        run("initdb", "-D", data, "-U", "rollcall", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        run("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o",
            f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off", "start")
        try:
            yield lambda database="postgres": psycopg.connect(
                host=str(folder), user="rollcall", dbname=database, autocommit=True)
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder)


# SQLite's storage classes. Ids and names order by their bytes, as SQLite compares them.
TYPES = {
    "TEXT": 'TEXT COLLATE "C"', "INTEGER": "BIGINT", "BLOB": "BYTEA", "REAL": "DOUBLE PRECISION"
}


def definition(sql: str) -> str:
    """A CREATE of SQLite as PostgreSQL takes it."""
    sql = re.sub(r"\)\s*(STRICT|WITHOUT ROWID)(\s*,\s*(STRICT|WITHOUT ROWID))*\s*$", ")", sql)
    return literals(re.sub(r"\b(%s)\b" % "|".join(TYPES), lambda type: TYPES[type[1]], sql))


def literals(sql: str) -> str:
    """The literals of bytes, which PostgreSQL takes for bits."""
    return re.sub(r"\bx'([0-9a-fA-F]*)'", r"'\\x\1'::bytea", sql)


def control(sql: str) -> str:
    """A statement of the transaction control: PostgreSQL locks rows as it meets them, not the database at the start."""
    return "BEGIN" if sql == "BEGIN IMMEDIATE" else sql


def create_schema(source: sqlite3.Connection, target: psycopg.Connection):
    """Makes every table and index of a migrated database, those first that others refer to."""
    tables = dict(source.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"))
    made: set[str] = set()

    def make(name: str):
        if name in made:
            return
        made.add(name)
        for row in source.execute(f"PRAGMA foreign_key_list({name})"):
            make(row[2])
        target.execute(definition(tables[name]))

    for name in tables:
        make(name)
    for (sql,) in source.execute("SELECT sql FROM sqlite_master WHERE type = 'index' AND sql NOT NULL"):
        target.execute(definition(sql))
