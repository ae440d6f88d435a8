"""Waves keep what the worker has chosen for them."""

from alembic import op

revision = "0030_wave_chosen"
down_revision = "0029_to_pack"
branch_labels = None
depends_on = None

WAVE_CHOSEN = "ALTER TABLE wave ADD COLUMN chosen JSONB"


def upgrade() -> None:
    op.execute(WAVE_CHOSEN)
