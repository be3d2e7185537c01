"""The versions of our tables: forward to the newest, and never under code that is older."""

from __future__ import annotations

from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from adgen.errors import Unavailable


def newest() -> str:
    """The version this code was written for."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def is_known(version: str) -> bool:
    """Whether this code knows how to go on from a version."""
    script = ScriptDirectory.from_config(_config())
    return version in {revision.revision for revision in script.walk_revisions()}


def present(connection: Connection) -> str | None:
    """The version of a database's tables; None when there are none."""
    return MigrationContext.configure(connection).get_current_revision()


def bring(connection: Connection, version: str = "head") -> None:
    """Bring the tables forward, in the caller's transaction. Raises Unavailable."""
    found = present(connection)
    if found is not None and not is_known(found):
        raise Unavailable(
            f"This database has the tables of a newer version of adgen ({found}; this one knows "
            f"them up to {newest()}). Nothing was changed. Start the newer version again, or "
            "restore the backup that was made before the upgrade."
        )
    command.upgrade(_config(connection), version)


def make_anew(connection: Connection, version: str) -> None:
    """Tables of just this version, empty; those that are there go with all that they hold."""
    if present(connection):
        command.downgrade(_config(connection), "base")
    command.upgrade(_config(connection), version)


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(files(__package__) / "migrations"))
    config.attributes["connection"] = connection
    return config
