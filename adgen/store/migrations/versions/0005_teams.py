"""teams, tokens of one's own, once-only calls, the audit trail, tries by address"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('teams',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=64), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('name')
    )
    # Everyone so far works together, in the team that new people join too.
    op.execute("INSERT INTO teams (name, created_at) VALUES ('Studio', now())")
    for table in ('users', 'sessions'):
        op.add_column(table, sa.Column('team_id', sa.Integer(), nullable=True))
        op.execute(f"UPDATE {table} SET team_id = (SELECT id FROM teams WHERE name = 'Studio')")
        op.alter_column(table, 'team_id', nullable=False)
        op.create_foreign_key(f'{table}_team', table, 'teams', ['team_id'], ['id'])
    op.create_index('sessions_by_team', 'sessions', ['team_id', 'created_at'], unique=False)
    op.execute("UPDATE brand_kits SET team = (SELECT id::text FROM teams WHERE name = 'Studio')")
    op.alter_column('brand_kits', 'team', new_column_name='team_id', type_=sa.Integer(),
                    postgresql_using='team::integer')
    op.create_foreign_key('brand_kits_team', 'brand_kits', 'teams', ['team_id'], ['id'], ondelete='CASCADE')
    op.add_column('logins', sa.Column('address', sa.String(length=64), server_default='', nullable=False))
    op.alter_column('logins', 'address', server_default=None)

    op.create_table('api_tokens',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('token_hash')
    )
    op.create_index(op.f('ix_api_tokens_user_id'), 'api_tokens', ['user_id'], unique=False)

    op.create_table('once',
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('key', sa.String(length=200), nullable=False),
    sa.Column('request', sa.String(length=64), nullable=False),
    sa.Column('answer', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', 'key')
    )

    op.create_table('audit',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=True),
    sa.Column('email', sa.String(length=320), nullable=False),
    sa.Column('action', sa.String(length=40), nullable=False),
    sa.Column('session_id', sa.String(length=36), nullable=True),
    sa.Column('details', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('audit_by_age', 'audit', ['at'], unique=False)

    op.create_table('tries',
    sa.Column('address', sa.String(length=64), nullable=False),
    sa.Column('failed', sa.Integer(), nullable=False),
    sa.Column('last_failed_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('address')
    )


def downgrade() -> None:
    for table in ('tries', 'audit', 'once', 'api_tokens'):
        op.drop_table(table)
    op.drop_column('logins', 'address')
    op.drop_constraint('brand_kits_team', 'brand_kits', type_='foreignkey')
    op.alter_column('brand_kits', 'team_id', new_column_name='team', type_=sa.String(length=64),
                    postgresql_using='team_id::text')
    op.execute("UPDATE brand_kits SET team = 'everyone'")
    op.drop_index('sessions_by_team', table_name='sessions')
    for table in ('sessions', 'users'):
        op.drop_column(table, 'team_id')
    op.drop_table('teams')
