"""Contacts, each with a key of its own."""

from alembic import op

from wms.migrations import run_sql

revision = "0009_contacts"
down_revision = "0008_promises"
branch_labels = None
depends_on = None

CONTACTS = """
"""


def upgrade() -> None:
    if CONTACTS.strip():
        run_sql(op.get_bind(), CONTACTS)
