"""how films are cut, in which shapes, and brand kits"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('brand_kits',
    sa.Column('team', sa.String(length=64), nullable=False),
    sa.Column('brand', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('team')
    )
    for name, empty in (('cut', '{}'), ('shapes', '[]'), ('video_ids', '[]')):
        op.add_column('sessions', sa.Column(name, postgresql.JSONB(astext_type=sa.Text()), server_default=empty, nullable=False))
        op.alter_column('sessions', name, server_default=None)
    op.execute("UPDATE sessions SET shapes = jsonb_build_array(aspect)")
    op.execute("UPDATE sessions SET video_ids = jsonb_build_array(final_video_id) WHERE final_video_id IS NOT NULL")


def downgrade() -> None:
    for name in ('video_ids', 'shapes', 'cut'):
        op.drop_column('sessions', name)
    op.drop_table('brand_kits')
