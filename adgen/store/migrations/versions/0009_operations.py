"""operations: how long runs and calls took, and files that the retention rule took away"""

from alembic import op
import sqlalchemy as sa

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None

# Rows that were made up (demo data) come in ended, so only what ends while it is watched counts.
OF_RUN = """
CREATE FUNCTION meter_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.started_at IS NOT NULL THEN
        INSERT INTO meter_tail (what, name, outcome, millis) VALUES
        ('run', NEW.kind, NEW.status, 1000 * extract(epoch FROM NEW.finished_at - NEW.started_at)),
        ('wait', NEW.kind, '', 1000 * extract(epoch FROM NEW.started_at - NEW.created_at));
    ELSE
        INSERT INTO meter_tail (what, name, outcome, millis) VALUES ('run', NEW.kind, NEW.status, 0);
    END IF;
    RETURN NULL;
END $$
"""
OF_CALL = """
CREATE FUNCTION meter_call() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO meter_tail (what, name, outcome, millis) VALUES ('call', NEW.model_used,
        CASE WHEN NEW.success THEN 'succeeded' ELSE 'failed' END,
        1000 * extract(epoch FROM NEW.settled_at - NEW.created_at));
    RETURN NULL;
END $$
"""
TRIGGERS = {
    'meter_run': ('jobs', 'finished_at'),
    'meter_call': ('generation_costs', 'settled_at'),
}


def upgrade() -> None:
    op.add_column('assets', sa.Column('removed_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('assets', sa.Column('removed_after', sa.Integer(), nullable=True))
    op.create_index('assets_by_key', 'assets', ['storage_key'])
    op.create_table('meter_tail',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('what', sa.String(length=16), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('outcome', sa.String(length=16), nullable=False),
    sa.Column('millis', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('meter_cells',
    sa.Column('what', sa.String(length=16), nullable=False, primary_key=True),
    sa.Column('name', sa.String(length=200), nullable=False, primary_key=True),
    sa.Column('outcome', sa.String(length=16), nullable=False, primary_key=True),
    sa.Column('bucket', sa.SmallInteger(), nullable=False, primary_key=True, autoincrement=False),
    sa.Column('count', sa.BigInteger(), nullable=False),
    sa.Column('millis', sa.BigInteger(), nullable=False),
    )
    op.execute(OF_RUN)
    op.execute(OF_CALL)
    for name, (table, ended) in TRIGGERS.items():
        op.execute(
            f"CREATE TRIGGER {name} AFTER UPDATE ON {table} FOR EACH ROW "
            f"WHEN (OLD.{ended} IS NULL AND NEW.{ended} IS NOT NULL) EXECUTE FUNCTION {name}()"
        )


def downgrade() -> None:
    for name, (table, _) in TRIGGERS.items():
        op.execute(f"DROP TRIGGER {name} ON {table}")
        op.execute(f"DROP FUNCTION {name}()")
    op.drop_table('meter_cells')
    op.drop_table('meter_tail')
    op.drop_index('assets_by_key', 'assets')
    op.drop_column('assets', 'removed_after')
    op.drop_column('assets', 'removed_at')
