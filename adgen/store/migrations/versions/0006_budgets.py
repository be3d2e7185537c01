"""budgets in the database, running totals, what open calls hold, alerts, demo data"""

from alembic import op
import sqlalchemy as sa

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

MONEY = sa.Numeric(14, 6)


def upgrade() -> None:
    for table in ('teams', 'users', 'sessions'):
        op.add_column(table, sa.Column('demo', sa.Boolean(), server_default='false', nullable=False))
    op.add_column('generation_costs', sa.Column('held', MONEY, server_default='0', nullable=False))
    # What is under way now was estimated at about one unit a call.
    op.execute("""
        UPDATE generation_costs SET held = unit_price
        WHERE settled_at IS NULL AND unit_price > 0 AND unit IN ('run', 'image')
    """)
    op.create_index('costs_held', 'generation_costs', ['session_id'], unique=False,
                    postgresql_where=sa.text('held > 0'))

    op.create_table('budgets',
    sa.Column('scope', sa.String(length=8), nullable=False),
    sa.Column('subject', sa.String(length=36), nullable=False),
    sa.Column('amount', MONEY, nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('amount >= 0', name='budgets_amount_positive'),
    sa.PrimaryKeyConstraint('scope', 'subject')
    )
    op.create_table('purses',
    sa.Column('team_id', sa.Integer(), nullable=False),
    sa.Column('stripe', sa.SmallInteger(), nullable=False),
    sa.Column('spent', MONEY, nullable=False),
    sa.ForeignKeyConstraint(['team_id'], ['teams.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('team_id', 'stripe')
    )
    op.execute("""
        INSERT INTO purses (team_id, stripe, spent)
        SELECT team_id, 0, sum(total_cost) FROM sessions GROUP BY team_id
    """)
    op.create_table('alerts',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('scope', sa.String(length=8), nullable=False),
    sa.Column('subject', sa.String(length=36), nullable=False),
    sa.Column('percent', sa.SmallInteger(), nullable=False),
    sa.Column('amount', MONEY, nullable=False),
    sa.Column('spent', MONEY, nullable=False),
    sa.Column('session_id', sa.String(length=36), nullable=True),
    sa.Column('words', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['session_id'], ['sessions.id'], ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('scope', 'subject', 'percent', 'amount', name='alerts_once')
    )
    op.create_table('alert_posts',
    sa.Column('alert_id', sa.BigInteger(), nullable=False),
    sa.Column('channel', sa.String(length=16), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('next_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('error', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['alert_id'], ['alerts.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('alert_id', 'channel')
    )
    op.create_index('alert_posts_open', 'alert_posts', ['next_at'], unique=False,
                    postgresql_where=sa.text('sent_at IS NULL'))
    op.create_table('snoozes',
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('alert_id', sa.BigInteger(), nullable=False),
    sa.Column('until', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['alert_id'], ['alerts.id'], ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', 'alert_id')
    )


def downgrade() -> None:
    for table in ('snoozes', 'alert_posts', 'alerts', 'purses', 'budgets'):
        op.drop_table(table)
    op.drop_index('costs_held', table_name='generation_costs')
    op.drop_column('generation_costs', 'held')
    for table in ('sessions', 'users', 'teams'):
        op.drop_column(table, 'demo')
