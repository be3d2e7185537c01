"""spend: settled calls and ads summed up for the cost page, kept exact by triggers"""

from alembic import op
import sqlalchemy as sa

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None

AD_FACTS = (
    'micros', 'prompts', 'images', 'approved_images', 'clips', 'approved_clips', 'approved_millis', 'films',
    'plan_micros', 'image_micros', 'approved_image_micros', 'scene_micros', 'clip_micros',
    'approved_clip_micros', 'film_micros', 'rejected_micros',
)
WHOSE = (('team_id', sa.Integer), ('user_id', sa.Integer), ('demo', sa.Boolean))
CALL_SUMS = ('calls', 'unpriced', 'micros', 'quanta', 'millis')

NOTE = """
CREATE FUNCTION spend_note(g generation_costs, sign integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO spend_tail (at, team_id, user_id, demo, agent, model, ok, calls, unpriced, micros, quanta, millis)
    SELECT g.created_at, s.team_id, s.user_id, s.demo, g.agent_name, g.model_used, coalesce(g.success, false),
        sign, sign * (g.cost_usd IS NULL)::integer, sign * coalesce(g.cost_usd * 1000000, 0)::bigint,
        sign * coalesce(g.quantity * 1000000, 0)::bigint, sign * (g.duration_seconds * 1000)::bigint
    FROM sessions s WHERE s.id = g.session_id;
    INSERT INTO spend_touched (session_id) VALUES (g.session_id);
END $$
"""
OF_CALL = """
CREATE FUNCTION spend_of_call() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.settled_at IS NOT NULL THEN PERFORM spend_note(OLD, -1); END IF;
    IF TG_OP <> 'DELETE' AND NEW.settled_at IS NOT NULL THEN PERFORM spend_note(NEW, 1); END IF;
    RETURN NULL;
END $$
"""
# An ad that goes takes its calls with it; they are taken off while it still says whose they were.
OF_AD = """
CREATE FUNCTION spend_of_ad() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_WHEN = 'BEFORE' THEN
        PERFORM spend_note(g, -1) FROM generation_costs g WHERE g.session_id = OLD.id AND g.settled_at IS NOT NULL;
        INSERT INTO spend_touched (session_id) VALUES (OLD.id);
        IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
        RETURN NEW;
    END IF;
    IF TG_ARGV[0] = 'moved' THEN
        PERFORM spend_note(g, 1) FROM generation_costs g WHERE g.session_id = NEW.id AND g.settled_at IS NOT NULL;
    END IF;
    INSERT INTO spend_touched (session_id) VALUES (NEW.id);
    RETURN NULL;
END $$
"""
MOVED = "(OLD.team_id, OLD.user_id, OLD.demo) IS DISTINCT FROM (NEW.team_id, NEW.user_id, NEW.demo)"
SHOWN = ('product_prompt', 'approved_image_ids', 'approved_clip_ids', 'marks', 'final_video_id', 'created_at')
REVIEWED = " OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in SHOWN)
TRIGGERS = {
    'spend_of_call': "AFTER INSERT OR UPDATE OR DELETE ON generation_costs FOR EACH ROW EXECUTE FUNCTION spend_of_call()",
    'spend_gone': "BEFORE DELETE ON sessions FOR EACH ROW EXECUTE FUNCTION spend_of_ad()",
    'spend_moves': f"BEFORE UPDATE ON sessions FOR EACH ROW WHEN ({MOVED}) EXECUTE FUNCTION spend_of_ad()",
    'spend_moved': f"AFTER UPDATE ON sessions FOR EACH ROW WHEN ({MOVED}) EXECUTE FUNCTION spend_of_ad('moved')",
    'spend_begun': "AFTER INSERT ON sessions FOR EACH ROW EXECUTE FUNCTION spend_of_ad('begun')",
    'spend_reviewed': f"AFTER UPDATE ON sessions FOR EACH ROW WHEN ({REVIEWED}) EXECUTE FUNCTION spend_of_ad('reviewed')",
}


def sums(names: tuple[str, ...]) -> list[sa.Column]:
    return [sa.Column(name, sa.BigInteger(), nullable=False) for name in names]


def whose(key: bool = False) -> list[sa.Column]:
    return [sa.Column(name, kind(), nullable=False, primary_key=key, autoincrement=False) for name, kind in WHOSE]


def upgrade() -> None:
    op.create_table('spend_tail',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    *whose(),
    sa.Column('agent', sa.String(length=64), nullable=False),
    sa.Column('model', sa.String(length=200), nullable=False),
    sa.Column('ok', sa.Boolean(), nullable=False),
    *sums(CALL_SUMS),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('spend_touched',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('session_id', sa.String(length=36), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('spend_cells',
    sa.Column('grain', sa.String(length=1), nullable=False, primary_key=True),
    sa.Column('day', sa.Date(), nullable=False, primary_key=True),
    *whose(key=True),
    sa.Column('agent', sa.String(length=64), nullable=False, primary_key=True),
    sa.Column('model', sa.String(length=200), nullable=False, primary_key=True),
    sa.Column('ok', sa.Boolean(), nullable=False, primary_key=True),
    *sums(CALL_SUMS),
    )
    op.create_table('spend_ads',
    sa.Column('session_id', sa.String(length=36), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    *whose(),
    sa.Column('bin', sa.Integer(), nullable=False),
    *sums(AD_FACTS),
    sa.PrimaryKeyConstraint('session_id')
    )
    op.create_index('spend_ads_by_day', 'spend_ads', ['day'])
    op.create_index('spend_ads_by_cost', 'spend_ads', ['micros', 'session_id'])
    op.create_table('spend_ad_cells',
    sa.Column('grain', sa.String(length=1), nullable=False, primary_key=True),
    sa.Column('day', sa.Date(), nullable=False, primary_key=True),
    *whose(key=True),
    sa.Column('bin', sa.Integer(), nullable=False, primary_key=True, autoincrement=False),
    *sums(AD_FACTS),
    )
    op.create_table('spend_zone',
    sa.Column('zone', sa.String(length=64), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('zone')
    )
    op.create_index('generation_costs_running', 'generation_costs', ['created_at'],
                    postgresql_where=sa.text('settled_at IS NULL'))
    op.create_index('generation_costs_by_model', 'generation_costs', ['model_used', 'created_at'])
    op.create_index('jobs_by_age', 'jobs', ['created_at'])
    for function in (NOTE, OF_CALL, OF_AD):
        op.execute(function)
    for name, rest in TRIGGERS.items():
        op.execute(f"CREATE TRIGGER {name} {rest}")


def downgrade() -> None:
    for name, rest in TRIGGERS.items():
        table = 'generation_costs' if name == 'spend_of_call' else 'sessions'
        op.execute(f"DROP TRIGGER {name} ON {table}")
    for function in ('spend_of_ad()', 'spend_of_call()', 'spend_note(generation_costs, integer)'):
        op.execute(f"DROP FUNCTION {function}")
    op.drop_index('jobs_by_age', table_name='jobs')
    op.drop_index('generation_costs_by_model', table_name='generation_costs')
    op.drop_index('generation_costs_running', table_name='generation_costs')
    for table in ('spend_zone', 'spend_ad_cells', 'spend_ads', 'spend_cells', 'spend_touched', 'spend_tail'):
        op.drop_table(table)
