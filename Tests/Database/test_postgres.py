"""The SQL census: PostgreSQL prepares whatever the test run said to SQLite, with the schema of the same migrations."""

import psycopg
import pytest

import census
import postgres


@pytest.fixture(scope="module")
def connections(schemas):
    """A database of PostgreSQL for each of SQLite."""
    with postgres.server() as connect:
        opened = {}
        with connect() as admin:
            for name in schemas:
                admin.execute(f'CREATE DATABASE "{name}"')
        for name, schema in schemas.items():
            opened[name] = connect(name)
            postgres.create_schema(schema, opened[name])
        yield opened
        for one in opened.values():
            one.close()


def test_every_statement_is_prepared(statements, connections):
    """Nothing is left out but what a test asks SQLite about itself."""
    refused = []
    for one in statements:
        if one.verb in census.CONTROL or "sqlite_schema" in one.text or "sqlite_master" in one.text:
            continue
        connection = connections[one.database]
        try:
            connection.execute("PREPARE one AS " + postgres.literals(one.text))
            connection.execute("DEALLOCATE one")
        except psycopg.Error as error:
            refused.append(f"{str(error).splitlines()[0]}\n    {one.text}")
    assert not refused, "PostgreSQL does not take:\n" + "\n".join(refused)


def test_transactions_are_controlled_alike(statements, connections):
    """One transaction with everything that the store says about transactions, where it may be said."""
    for name, connection in connections.items():
        said = {one.text for one in statements if one.database == name and one.verb in census.CONTROL}
        savepoint = {text for text in said if text.split()[0] in ("SAVEPOINT", "RELEASE")}
        savepoint |= {text for text in said if text.startswith("ROLLBACK TO")}
        ends = {text for text in said if text in ("COMMIT", "ROLLBACK")}
        begins = {text for text in said if text.startswith("BEGIN")}
        assert said == savepoint | ends | begins, "a statement that this test does not know"
        for begin in sorted(begins):
            for end in sorted(ends):
                connection.execute(postgres.control(begin))
                for text in sorted(text for text in savepoint if text.startswith("SAVEPOINT")):
                    for leave in sorted(savepoint - {text}, reverse=True):
                        connection.execute(text)
                        connection.execute(leave)
                connection.execute(end)


def test_text_orders_by_its_bytes(connections):
    """Page tokens and id ranges rely on it."""
    connection = connections["rollcall.db"]
    columns = connection.execute(
        "SELECT table_name, column_name, collation_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND data_type = 'text'").fetchall()
    assert columns
    assert [row for row in columns if row[2] != "C"] == []


def test_the_census_can_fail(connections):
    """A statement that only SQLite takes is refused, and so is a column that is not there."""
    for text in ("SELECT * FROM (SELECT 1)", "INSERT OR REPLACE INTO settings (name) VALUES ('x')",
                 "SELECT nothing FROM models", "SELECT id FROM models WHERE name GLOB 'x*'"):
        with pytest.raises(psycopg.Error):
            connections["rollcall.db"].execute("PREPARE one AS " + text)
