"""Alembic's entry: runs on the connection the app gives it."""

from alembic import context

from adgen.store.tables import Base

connection = context.config.attributes.get("connection")
if connection is None:
    # `alembic revision --autogenerate` by a developer, against their own database.
    from adgen.store.database import engine_for

    connection = engine_for(context.config.get_main_option("sqlalchemy.url") or "").connect()

context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True)
with context.begin_transaction():
    context.run_migrations()
