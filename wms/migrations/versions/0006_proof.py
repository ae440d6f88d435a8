"""What proves the books: checkpoints and seals over movements."""

revision = "0006_proof"
down_revision = "0005_flows"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
