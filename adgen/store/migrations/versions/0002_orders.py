"""what is sent to a provider, and when; providers on hold"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('holds',
    sa.Column('provider', sa.String(length=32), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('provider')
    )
    op.add_column('predictions', sa.Column('wire', postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column('predictions', sa.Column('sent_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('predictions', sa.Column('resent', sa.Integer(), server_default='0', nullable=False))


def downgrade() -> None:
    op.drop_column('predictions', 'resent')
    op.drop_column('predictions', 'sent_at')
    op.drop_column('predictions', 'wire')
    op.drop_table('holds')
