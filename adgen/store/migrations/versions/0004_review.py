"""review: why pictures were rejected, remarks, seeds of takes, the archive, share links"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ('reject_reasons', 'remarks', 'seeds'):
        op.add_column('sessions', sa.Column(name, postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False))
        op.alter_column('sessions', name, server_default=None)
    op.add_column('sessions', sa.Column('archived_at', sa.DateTime(timezone=True), nullable=True))
    op.create_index('sessions_by_age', 'sessions', ['created_at', 'id'], unique=False)
    op.create_table('share_links',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('session_id', sa.String(length=36), nullable=False),
    sa.Column('created_by', sa.Integer(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('opened', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['created_by'], ['users.id'], ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['session_id'], ['sessions.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('token_hash')
    )
    op.create_index(op.f('ix_share_links_session_id'), 'share_links', ['session_id'], unique=False)


def downgrade() -> None:
    op.drop_table('share_links')
    op.drop_index('sessions_by_age', table_name='sessions')
    for name in ('archived_at', 'seeds', 'remarks', 'reject_reasons'):
        op.drop_column('sessions', name)
