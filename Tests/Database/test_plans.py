"""The plan of every statement: what is not a bounded search by key stands in plans.txt, with what bounds it.

A search has a bound when its key is a whole unique key, or when the statement has a LIMIT. Everything else outside the
scan threads (`store.scan`) is listed: each SCAN of a table, with or without LIMIT, each search that may find many rows,
each sort of what was found.
"""

import pathlib
import re
import sqlite3

import census

GOLDEN = pathlib.Path(__file__).with_name("plans.txt")


class Schema:
    """What the plan's lines need to be read: which index belongs to which table, and which keys are unique."""

    def __init__(self, schema: sqlite3.Connection):
        names = [row[0] for row in schema.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        self.tables = set(names)
        self.owner: dict[str, str] = {}
        self.unique: dict[str, list[set[str]]] = {}
        self.partial: dict[str, set[str]] = {}
        for table in names:
            primary = {row[1] for row in schema.execute(f"PRAGMA table_info({table})") if row[5]}
            self.unique[table] = [primary] if primary else []
            for row in schema.execute(f"PRAGMA index_list({table})"):
                self.owner[row[1]] = table
                if not row[2]:
                    continue
                columns = {column[2] for column in schema.execute(f"PRAGMA index_info({row[1]})")}
                # A unique index with a condition says nothing of the rows outside it.
                if row[4]:
                    self.partial[row[1]] = columns
                else:
                    self.unique[table].append(columns)

    def unbounded(self, line: str, text: str) -> str | None:
        """The line, without what is about the layout, when it tells of work that the statement's key does not bound."""
        if line.startswith("USE TEMP B-TREE"):
            return line
        match = re.match(r"(SCAN|SEARCH) (\w+)(?: USING (.*?))?(?: \(([^()]*)\))?$", line)
        if not match:
            return None
        how, name, index, key = match.groups()
        table = self.table(name, index, text)
        if table is None:
            return None
        if how == "SCAN":
            return f"SCAN {table}"
        # Without a key it is the first or the last row of the index.
        if not key or "rowid=?" in key or "LIMIT" in text:
            return None
        equal = set(re.findall(r"(\w+)=\?", key))
        used = [self.partial[word] for word in (index or "").split() if word in self.partial]
        if any(unique <= equal for unique in self.unique[table] + used):
            return None
        return f"SEARCH {table} ({key})"

    def table(self, name: str, index: str | None, text: str) -> str | None:
        """The table behind a name of the plan; nil for a subquery."""
        for word in (index or "").split():
            if word in self.owner:
                return self.owner[word]
        if name in self.tables:
            return name
        aliased = re.search(rf"\b(\w+) (?:AS )?{re.escape(name)}\b", text)
        return aliased[1] if aliased and aliased[1] in self.tables else None


def golden() -> list[str]:
    lines = GOLDEN.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def fits(entry: str, shape: str) -> bool:
    """An ellipsis in an entry stands for any text: columns, or filters that vary."""
    return re.fullmatch(".*".join(re.escape(part) for part in entry.split("…")), shape) is not None


def test_no_statement_grows_unseen(statements, schemas):
    readers = {name: Schema(schema) for name, schema in schemas.items()}
    found: dict[str, list[str]] = {}
    for one in statements:
        if one.scans or one.verb in census.CONTROL:
            continue
        schema = readers[one.database]
        plan = census.explain(schemas[one.database], one.text)
        lines = [said for line in plan if (said := schema.unbounded(line, one.text))]
        if lines:
            found[one.shape] = lines
    entries = golden()
    unlisted = {
        shape: lines for shape, lines in found.items() if not any(fits(e, shape) for e in entries)
    }
    stale = [entry for entry in entries if not any(fits(entry, shape) for shape in found)]
    assert not unlisted, "no key or LIMIT bounds these; index them, scan, or say in plans.txt what does:\n" + "\n".join(
        f"  {shape}\n    {'; '.join(lines)}" for shape, lines in unlisted.items())
    assert not stale, "plans.txt lists what nobody says or what is bounded now:\n" + "\n".join(stale)


def test_the_plans_are_read_right(schemas):
    """What the first test relies on: that it sees scans, wide searches and sorts, and lets keys and LIMITs pass."""
    schema = schemas["rollcall.db"]
    reader = Schema(schema)

    def unbounded(text: str) -> list[str]:
        return [said for line in census.explain(schema, text) if (said := reader.unbounded(line, text))]

    assert unbounded("SELECT id FROM models WHERE id = $1") == []
    assert unbounded("SELECT id FROM models WHERE org = $1 AND name = $2") == []
    assert unbounded("SELECT m.id FROM models m JOIN orgs AS o ON o.id = m.org WHERE m.id = $1") == []
    assert unbounded("SELECT id FROM models WHERE org = $1 ORDER BY id LIMIT $2") == []
    assert unbounded("SELECT revision FROM events WHERE revision = $1") == []
    assert unbounded("SELECT max(revision) FROM events") == []
    assert unbounded("SELECT id FROM orgs WHERE is_root = 1") == []
    assert unbounded("SELECT count(*) FROM models WHERE org = $1") == ["SEARCH models (org=?)"]
    assert unbounded("SELECT count(*) FROM models m WHERE m.org = $1") == ["SEARCH models (org=?)"]
    assert unbounded("SELECT id FROM models") == ["SCAN models"]
    assert unbounded("SELECT id FROM models m LIMIT 5") == ["SCAN models"]
    assert unbounded("SELECT id FROM models WHERE org = $1 ORDER BY description LIMIT 1") == ["USE TEMP B-TREE FOR ORDER BY"]
    assert unbounded("DELETE FROM events WHERE revision <= $1") == ["SEARCH events (rowid<?)"]
