"""The SQL that a recorded test run gave to SQLite (record.sh), and the schema that the migrations made."""

import dataclasses
import pathlib
import re
import sqlite3

# The transaction control, which a dialect names.
CONTROL = {"BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE"}
# What no repository says: PRAGMA configures SQLite, the others make the schema, which comes from a migrated database.
ENGINE = {"PRAGMA", "CREATE", "ALTER", "DROP", "ANALYZE", "VACUUM", "ATTACH", "DETACH"}


@dataclasses.dataclass(frozen=True, order=True)
class Statement:
    """A text, on one line, of one database file; `scans` when nothing but the scan threads ran it."""

    database: str
    text: str
    scans: bool

    @property
    def verb(self) -> str:
        return self.text.split(maxsplit=1)[0].upper()

    @property
    def shape(self) -> str:
        """The text with every list of parameters folded: a filter by five states is a filter by one."""
        return folded(self.text)


def one_line(text: str) -> str:
    """Without the layout of the source."""
    return re.sub(r"\s+", " ", re.sub(r"--[^\n]*", " ", text)).strip().rstrip(";").strip()


def folded(text: str) -> str:
    return re.sub(r"\(\$\d+(?:, \$\d+)*\)", "($n)", text)


def read(
    records: pathlib.Path, schemas: dict[str, sqlite3.Connection], migrations: str
) -> list[Statement]:
    """What repositories said on the databases of `schemas`, and the transaction control; one of each shape.

    Left out are the statements of migrations, whose sources are `migrations`: scripts are written with semicolons. And a
    statement that the migrated schema does not take names what only a test of migrations has: nothing of the product
    can run it.
    """
    steps = one_line(migrations)
    kinds: dict[tuple[str, str], set[str]] = {}
    for path in records.glob("*.records"):
        for record in path.read_text(encoding="utf-8").split("\x1e"):
            if not record:
                continue
            database, kind, text = record.split("\x1f")
            if text.rstrip().endswith(";") and one_line(text) in steps:
                continue
            if database in schemas:
                kinds.setdefault((database, one_line(text)), set()).add(kind)
    shapes: dict[tuple[str, str], tuple[str, set[str]]] = {}
    for (database, text), kind in sorted(kinds.items()):
        shapes.setdefault((database, folded(text)), (text, set()))[1].update(kind)
    found = [
        Statement(database, text, kind == {"scan"})
        for (database, _), (text, kind) in shapes.items()
    ]
    return sorted(
        one for one in found
        if one.verb in CONTROL or one.verb not in ENGINE and _compiles(schemas[one.database], one)
    )


def _compiles(schema: sqlite3.Connection, statement: Statement) -> bool:
    try:
        explain(schema, statement.text)
        return True
    except sqlite3.OperationalError as error:
        if re.match(r"no such (table|column)|table \S+ has (no column|\d+ columns)|NOT NULL", str(error)):
            return False
        raise AssertionError(f"SQLite does not take {statement.text}: {error}") from error


def explain(schema: sqlite3.Connection, text: str) -> list[str]:
    """The lines of EXPLAIN QUERY PLAN. Values change no plan without statistics, and the server gathers none."""
    count = max((int(number) for number in re.findall(r"\$(\d+)", text)), default=0)
    values = {str(number): None for number in range(1, count + 1)}
    return [row[3] for row in schema.execute("EXPLAIN QUERY PLAN " + text, values)]
