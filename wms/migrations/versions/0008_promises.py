"""Carts, promises and their history, waiting lists."""

from alembic import op

from wms.migrations import run_sql

revision = "0008_promises"
down_revision = "0007_cells"
branch_labels = None
depends_on = None

PROMISES = """
CREATE TABLE order_promise (
  order_id UUID NOT NULL,
  no BIGINT NOT NULL,
  promised_from TIMESTAMP WITH TIME ZONE,
  promised_by TIMESTAMP WITH TIME ZONE,
  reason TEXT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_order_promise PRIMARY KEY (order_id, no),
  CONSTRAINT fk_order_promise_order_id FOREIGN KEY(order_id) REFERENCES customer_order (id)
);

CREATE TABLE order_change (
  order_id UUID NOT NULL,
  id UUID NOT NULL,
  kind TEXT NOT NULL,
  asked TEXT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_order_change PRIMARY KEY (order_id, id),
  CONSTRAINT fk_order_change_order_id FOREIGN KEY(order_id) REFERENCES customer_order (id)
);

CREATE TABLE cart (
  id UUID NOT NULL,
  rev BIGINT NOT NULL,
  asked TEXT NOT NULL,
  channel TEXT NOT NULL,
  fulfilment TEXT NOT NULL,
  to_site_id UUID,
  latitude DOUBLE PRECISION NOT NULL,
  longitude DOUBLE PRECISION NOT NULL,
  state TEXT DEFAULT 'OPEN' NOT NULL,
  order_id UUID,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_cart PRIMARY KEY (id),
  CONSTRAINT ck_cart_state CHECK (state IN ('OPEN', 'ORDERED', 'ENDED'))
);
CREATE INDEX ix_cart_expires_at ON cart (expires_at) WHERE state = 'OPEN';

CREATE TABLE cart_line (
  cart_id UUID NOT NULL,
  line_no BIGINT NOT NULL,
  sku_id UUID NOT NULL,
  sku TEXT NOT NULL,
  units BIGINT NOT NULL,
  CONSTRAINT pk_cart_line PRIMARY KEY (cart_id, line_no),
  CONSTRAINT fk_cart_line_cart_id FOREIGN KEY(cart_id) REFERENCES cart (id)
);

CREATE TABLE cart_hold (
  cart_id UUID NOT NULL,
  id UUID NOT NULL,
  site_id UUID NOT NULL,
  line_no BIGINT NOT NULL,
  units BIGINT NOT NULL,
  CONSTRAINT pk_cart_hold PRIMARY KEY (cart_id, id),
  CONSTRAINT fk_cart_hold_cart_id FOREIGN KEY(cart_id) REFERENCES cart (id)
);

CREATE TABLE wait (
  site_id UUID NOT NULL,
  id UUID NOT NULL,
  sku_id UUID NOT NULL,
  sku TEXT NOT NULL,
  units BIGINT NOT NULL,
  channel TEXT NOT NULL,
  customer TEXT,
  language TEXT DEFAULT 'ja' NOT NULL,
  asked TEXT NOT NULL,
  state TEXT DEFAULT 'WAITING' NOT NULL,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  hold_id UUID,
  offered_until TIMESTAMP WITH TIME ZONE,
  order_id UUID,
  CONSTRAINT pk_wait PRIMARY KEY (site_id, id),
  CONSTRAINT ck_wait_state CHECK (state IN ('WAITING', 'OFFERED', 'TAKEN', 'LAPSED', 'CANCELLED')),
  CONSTRAINT uq_wait_site_id_hold_id UNIQUE (site_id, hold_id)
);
CREATE INDEX ix_wait_id ON wait (id);
CREATE INDEX ix_wait_queue ON wait (site_id, sku_id, made_at, id) WHERE state = 'WAITING';
CREATE INDEX ix_wait_offered ON wait (offered_until) WHERE state = 'OFFERED';
"""


def upgrade() -> None:
    if PROMISES.strip():
        run_sql(op.get_bind(), PROMISES)
