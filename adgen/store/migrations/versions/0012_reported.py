"""what the provider itself says of a call, and what it was expected to cost, kept and summed up"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

revision = '0012'
down_revision = '0009'
branch_labels = None
depends_on = None

CHECK_SUMS = ('said', 'said_micros', 'told', 'told_micros', 'told_logged_micros', 'untold')
NOTE = """
CREATE OR REPLACE FUNCTION spend_note(g generation_costs, sign integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO spend_tail (at, team_id, user_id, demo, agent, model, ok, calls, unpriced, micros, quanta, millis{names})
    SELECT g.created_at, s.team_id, s.user_id, s.demo, g.agent_name, g.model_used, coalesce(g.success, false),
        sign, sign * (g.cost_usd IS NULL)::integer, sign * coalesce(g.cost_usd * 1000000, 0)::bigint,
        sign * coalesce(g.quantity * 1000000, 0)::bigint, sign * (g.duration_seconds * 1000)::bigint{sums}
    FROM sessions s WHERE s.id = g.session_id;
    INSERT INTO spend_touched (session_id) VALUES (g.session_id);
END $$
"""
SUMS = """,
        sign * (g.estimated_usd IS NOT NULL)::integer, sign * coalesce(g.estimated_usd * 1000000, 0)::bigint,
        sign * (g.reported_quantity IS NOT NULL)::integer,
        sign * coalesce(g.reported_quantity * g.unit_price * 1000000, 0)::bigint,
        sign * CASE WHEN g.reported_quantity IS NOT NULL THEN coalesce(g.cost_usd * 1000000, 0) ELSE 0 END::bigint,
        sign * (g.reported_quantity IS NULL AND (coalesce(g.success, false) OR g.cost_usd IS DISTINCT FROM 0))::integer"""


def upgrade() -> None:
    op.add_column('predictions', sa.Column('reported', JSONB(), nullable=True))
    op.add_column('generation_costs', sa.Column('estimated_usd', sa.Numeric(14, 6), nullable=True))
    op.add_column('generation_costs', sa.Column('reported_quantity', sa.Numeric(18, 6), nullable=True))
    for table in ('spend_tail', 'spend_cells'):
        for name in CHECK_SUMS:
            op.add_column(table, sa.Column(name, sa.BigInteger(), server_default='0', nullable=False))
    op.execute(NOTE.format(names=''.join(f', {name}' for name in CHECK_SUMS), sums=SUMS))
    # Whoever opens the page next adds up the ledger once more, with what was not told so far.
    op.execute("DELETE FROM spend_zone")


def downgrade() -> None:
    op.execute(NOTE.format(names='', sums=''))
    for table in ('spend_cells', 'spend_tail'):
        for name in CHECK_SUMS:
            op.drop_column(table, name)
    op.drop_column('generation_costs', 'reported_quantity')
    op.drop_column('generation_costs', 'estimated_usd')
    op.drop_column('predictions', 'reported')
