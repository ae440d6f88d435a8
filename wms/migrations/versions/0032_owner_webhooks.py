"""Who is limited to some owners subscribes to what happens to their orders, and to nothing else."""

from alembic import op

from wms.migrations import run_sql

revision = "0032_owner_webhooks"
down_revision = "0031_take_over"
branch_labels = None
depends_on = None

WHOSE = """
ALTER TABLE webhook ADD COLUMN owner_id UUID;
ALTER TABLE webhook ADD CONSTRAINT fk_webhook_owner_id_owner
  FOREIGN KEY (owner_id) REFERENCES owner (id) NOT VALID;
ALTER TABLE webhook VALIDATE CONSTRAINT fk_webhook_owner_id_owner;

-- what is sent, and how that went, is whose the subscription is
ALTER POLICY tenant ON webhook USING (reach_has('soko.owners', owner_id));
ALTER POLICY tenant ON webhook_delivery USING (
  EXISTS (SELECT 1 FROM webhook w WHERE w.id = webhook_id));
ALTER POLICY tenant ON webhook_attempt USING (
  EXISTS (SELECT 1 FROM webhook_delivery d WHERE d.id = delivery_id));
"""


def upgrade() -> None:
    run_sql(op.get_bind(), WHOSE)
