"""workers: what a failed call may do next, when orders were answered, which runs a worker takes"""

from alembic import op
import sqlalchemy as sa

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('predictions', sa.Column('again', sa.String(length=16), server_default='', nullable=False))
    op.add_column('predictions', sa.Column('answered_at', sa.DateTime(timezone=True), nullable=True))
    op.create_index('predictions_open', 'predictions', ['model'], unique=False,
                    postgresql_where=sa.text("status IN ('sending', 'started')"))
    op.create_index('predictions_answered', 'predictions', ['answered_at'], unique=False)
    op.add_column('workers', sa.Column('takes', sa.String(length=32), server_default='', nullable=False))


def downgrade() -> None:
    op.drop_column('workers', 'takes')
    op.drop_index('predictions_answered', table_name='predictions')
    op.drop_index('predictions_open', table_name='predictions')
    op.drop_column('predictions', 'answered_at')
    op.drop_column('predictions', 'again')
