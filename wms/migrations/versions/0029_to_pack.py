"""What has been picked and not been planned to be packed is found at once."""

from alembic import op

revision = "0029_to_pack"
down_revision = "0028_alarms"
branch_labels = None
depends_on = None

TO_PACK = """
CREATE INDEX CONCURRENTLY ix_allocation_to_pack ON allocation (order_id)
  WHERE state = 'PICKED' AND NOT to_pack AND NOT to_sort;
"""


def upgrade() -> None:
    with op.get_context().autocommit_block():  # the floor goes on while it is built
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_allocation_to_pack")
        op.execute(TO_PACK)
