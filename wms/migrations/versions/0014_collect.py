"""Collections at stores, and what stores have to ship."""

from alembic import op

from wms.migrations import run_sql

revision = "0014_collect"
down_revision = "0013_transfers"
branch_labels = None
depends_on = None

COLLECT = """
CREATE TABLE collection (
  site_id UUID NOT NULL,
  id UUID NOT NULL,
  order_id UUID NOT NULL,
  state TEXT NOT NULL,
  bag TEXT NOT NULL,
  qr_mark TEXT NOT NULL,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  asked_at TIMESTAMP WITH TIME ZONE,
  escalated_at TIMESTAMP WITH TIME ZONE,
  ready_at TIMESTAMP WITH TIME ZONE,
  keep_until TIMESTAMP WITH TIME ZONE,
  reminded_at TIMESTAMP WITH TIME ZONE,
  ended_at TIMESTAMP WITH TIME ZONE,
  shelf_id UUID,
  task_id UUID,
  reason TEXT DEFAULT '' NOT NULL,
  till_reference TEXT DEFAULT '' NOT NULL,
  CONSTRAINT pk_collection PRIMARY KEY (site_id, id),
  CONSTRAINT ck_collection_state CHECK (state IN ('WAITING', 'TO_ACCEPT', 'ACCEPTED', 'PREPARING',
    'READY', 'RETURNING', 'HANDED_OVER', 'REJECTED', 'RETURNED_TO_FLOOR', 'CANCELLED')),
  CONSTRAINT uq_collection_site_id_order_id UNIQUE (site_id, order_id),
  CONSTRAINT uq_collection_site_id_bag UNIQUE (site_id, bag),
  CONSTRAINT fk_collection_shelf FOREIGN KEY (site_id, shelf_id) REFERENCES location (site_id, id)
);
CREATE INDEX ix_collection_open ON collection (site_id, state)
  WHERE state NOT IN ('HANDED_OVER', 'REJECTED', 'RETURNED_TO_FLOOR', 'CANCELLED');
CREATE INDEX ix_collection_qr_mark ON collection (qr_mark);
CREATE INDEX ix_collection_bag ON collection (bag);
CREATE INDEX ix_collection_order_id ON collection (order_id);
-- No two bags lie in one slot.
CREATE UNIQUE INDEX ix_collection_shelf_id ON collection (site_id, shelf_id)
  WHERE shelf_id IS NOT NULL;

CREATE TABLE collection_try (
  site_id UUID NOT NULL,
  id UUID NOT NULL,
  collection_id UUID NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  actor TEXT NOT NULL,
  is_right BOOLEAN NOT NULL,
  CONSTRAINT pk_collection_try PRIMARY KEY (site_id, id)
);
CREATE INDEX ix_collection_try_collection_id ON collection_try (site_id, collection_id, at);

CREATE TABLE ship_request (
  site_id UUID NOT NULL,
  id UUID NOT NULL,
  state TEXT NOT NULL,
  asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
  answered_at TIMESTAMP WITH TIME ZONE,
  escalated_at TIMESTAMP WITH TIME ZONE,
  reason TEXT DEFAULT '' NOT NULL,
  CONSTRAINT pk_ship_request PRIMARY KEY (site_id, id),
  CONSTRAINT ck_ship_request_state
    CHECK (state IN ('TO_ACCEPT', 'ACCEPTED', 'REJECTED', 'ENDED'))
);
CREATE INDEX ix_ship_request_open ON ship_request (site_id) WHERE state = 'TO_ACCEPT';

CREATE TABLE store_policy (
  site_id UUID NOT NULL,
  accept TEXT NOT NULL,
  accept_ship TEXT NOT NULL,
  answer_within_min BIGINT NOT NULL,
  unanswered TEXT NOT NULL,
  keep_days BIGINT NOT NULL,
  remind_before_h BIGINT NOT NULL,
  CONSTRAINT pk_store_policy PRIMARY KEY (site_id),
  CONSTRAINT ck_store_policy_accept CHECK (accept IN ('BY_HAND', 'AUTO')),
  CONSTRAINT ck_store_policy_accept_ship CHECK (accept_ship IN ('BY_HAND', 'AUTO')),
  CONSTRAINT ck_store_policy_unanswered CHECK (unanswered IN ('ESCALATE', 'RESOURCE')),
  CONSTRAINT ck_store_policy_times
    CHECK (answer_within_min > 0 AND keep_days > 0 AND remind_before_h >= 0)
);

CREATE TABLE store_command (
  site_id UUID NOT NULL,
  id UUID NOT NULL,
  asked TEXT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_store_command PRIMARY KEY (site_id, id)
);

-- Orders that a store may have to know of: those that have not ended.
CREATE INDEX ix_customer_order_to_collect ON customer_order (to_site_id, id)
  WHERE to_site_id IS NOT NULL AND NOT closed;
"""


def upgrade() -> None:
    run_sql(op.get_bind(), COLLECT)
