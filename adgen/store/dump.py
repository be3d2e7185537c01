"""All rows of a database at one moment, out to files and in again, through the driver alone.

No client tools are needed, so it works with any Postgres, and into one of another version. Tables
are not described: the migrations make them as they were. Every table has a digest that does not
depend on the order of its rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from gzip import GzipFile

from sqlalchemy import text
from sqlalchemy.orm import Session

from adgen.domain import Value
from adgen.store.database import Database

# Ours, and the engine's.
_SCHEMAS = ("public", "dbos")
# Which version the tables have is for whoever makes them to say.
_NOT_ROWS = ("public.alembic_version", "dbos.dbos_migrations")
# Rows that say that somebody works here.
_LIVED_IN = ("public.users", "public.sessions", "dbos.workflow_status")


class Table(Value):
    """A table's name with its schema, its columns, how many rows, and their digest."""

    name: str
    columns: tuple[str, ...]
    rows: int = 0
    digest: str = ""


@contextmanager
def one_moment(database: Database) -> Iterator[Session]:
    """A transaction that only reads, and sees nothing of what happens meanwhile."""
    options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with (
        database.engine.connect().execution_options(**options) as connection,
        Session(connection) as db,
    ):
        _speak_plainly(db)
        yield db


def list_tables(db: Session) -> list[Table]:
    """All tables with rows to keep."""
    found = db.execute(
        text("""
            SELECT n.nspname || '.' || c.relname AS name,
                array_agg(a.attname::text ORDER BY a.attnum) AS columns
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_attribute a ON a.attrelid = c.oid
            WHERE c.relkind = 'r' AND n.nspname = ANY(:schemas)
                AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
            GROUP BY 1 ORDER BY 1
        """),
        {"schemas": list(_SCHEMAS)},
    )
    return [Table(name=name, columns=columns) for name, columns in found if name not in _NOT_ROWS]


def lived_in(db: Session) -> bool:
    """Whether somebody has begun to work with this database."""
    there = {table.name for table in list_tables(db)}
    return any(
        db.scalar(text(f"SELECT EXISTS (SELECT FROM {_quoted(name)})"))
        for name in _LIVED_IN
        if name in there
    )


def weigh(db: Session, table: Table) -> Table:
    """The table with the number of its rows and their digest."""
    row = f"ROW({_names(table)})::text"
    rows, digest = db.execute(
        text(f"""
            SELECT count(*), coalesce(sum(('x' || left(h, 16))::bit(64)::bigint::numeric), 0)
                || ' ' || coalesce(sum(('x' || right(h, 16))::bit(64)::bigint::numeric), 0)
            FROM (SELECT md5({row}) AS h FROM {_quoted(table.name)}) AS hashed
        """)
    ).one()
    return table.model_copy(update={"rows": rows, "digest": digest})


def write_rows(db: Session, table: Table, file: GzipFile) -> None:
    """Write a table's rows as Postgres's own text."""
    _copy(db, f"COPY {_quoted(table.name)} ({_names(table)}) TO STDOUT", file)


def list_counters(db: Session) -> dict[str, int]:
    """How far each sequence has counted. Counters know no moments, so ask after the rows."""
    found = db.execute(
        text("""
            SELECT schemaname || '.' || sequencename, last_value FROM pg_sequences
            WHERE schemaname = ANY(:schemas) AND last_value IS NOT NULL
        """),
        {"schemas": list(_SCHEMAS)},
    )
    return {str(name): int(value) for name, value in found}


@contextmanager
def filling(db: Session, tables: Sequence[Table], counters: dict[str, int]) -> Iterator[None]:
    """Empty the tables, let the caller fill them, then check what refers to what.

    No trigger runs meanwhile: what triggers wrote is among the rows.
    """
    _speak_plainly(db)
    links = _take_links_off(db)
    for table in tables:
        db.execute(text(f"ALTER TABLE {_quoted(table.name)} DISABLE TRIGGER USER"))
        db.execute(text(f"DELETE FROM {_quoted(table.name)}"))
    yield
    for table in tables:
        db.execute(text(f"ALTER TABLE {_quoted(table.name)} ENABLE TRIGGER USER"))
    for link in links:
        db.execute(text(link))
    for name, value in counters.items():
        db.execute(text("SELECT setval(:name, :value)"), {"name": _quoted(name), "value": value})


def read_rows(db: Session, table: Table, file: GzipFile) -> None:
    """Read what `write_rows` wrote."""
    _copy(db, f"COPY {_quoted(table.name)} ({_names(table)}) FROM STDIN", file)


def unknown_columns(db: Session, tables: Sequence[Table]) -> list[str]:
    """Columns that this database does not have."""
    here = {table.name: set(table.columns) for table in list_tables(db)}
    return [
        f"{table.name}.{column}"
        for table in tables
        for column in table.columns
        if column not in here.get(table.name, ())
    ]


def _speak_plainly(db: Session) -> None:
    # A row's text, and so its digest, must not depend on how a server is set up.
    for setting in ("datestyle = 'ISO'", "intervalstyle = 'postgres'", "timezone = 'UTC'"):
        db.execute(text(f"SET LOCAL {setting}"))
    db.execute(text("SET LOCAL extra_float_digits = 1"))
    db.execute(text("SET LOCAL bytea_output = 'hex'"))


def _take_links_off(db: Session) -> list[str]:
    """Drop all foreign keys, since tables refer to each other in circles; gives how to add them."""
    found = db.execute(
        text("""
            SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', c.conrelid::regclass, c.conname),
                format('ALTER TABLE %s ADD CONSTRAINT %I %s',
                    c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid))
            FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace
            WHERE c.contype = 'f' AND n.nspname = ANY(:schemas) ORDER BY 1
        """),
        {"schemas": list(_SCHEMAS)},
    ).all()
    for drop, _ in found:
        db.execute(text(drop))
    return [add for _, add in found]


def _copy(db: Session, statement: str, file: GzipFile) -> None:
    driver = db.connection().connection.driver_connection
    assert driver is not None  # noqa: S101
    with driver.cursor() as cursor:
        cursor.copy_expert(statement, file)


def _names(table: Table) -> str:
    return ", ".join(map(_quote, table.columns))


def _quoted(name: str) -> str:
    return ".".join(map(_quote, name.split(".", 1)))


def _quote(word: str) -> str:
    return '"' + word.replace('"', '""') + '"'
