"""Sourcing: policies, shadow decisions, exclusions, closed sites, units a day, what goods lose."""

from alembic import op

from wms.migrations import run_sql

revision = "0012_sourcing"
down_revision = "0011_shipping"
branch_labels = None
depends_on = None

SOURCING = """
CREATE TABLE sourcing_policy (
  name TEXT NOT NULL,
  version BIGINT NOT NULL,
  method TEXT NOT NULL,
  state TEXT NOT NULL,
  weights JSONB NOT NULL,
  saved_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_sourcing_policy PRIMARY KEY (name, version),
  CONSTRAINT ck_sourcing_policy_state CHECK (state IN ('LIVE', 'SHADOW', 'OFF')),
  CONSTRAINT ck_sourcing_policy_method CHECK (method IN ('COST', 'NEAREST', 'PRIORITY'))
);
CREATE UNIQUE INDEX ix_sourcing_policy_live ON sourcing_policy (state) WHERE state = 'LIVE';
CREATE UNIQUE INDEX ix_sourcing_policy_shadow ON sourcing_policy (name) WHERE state <> 'OFF';

CREATE TABLE shadow_decision (
  order_id UUID NOT NULL,
  decision_id UUID NOT NULL,
  policy TEXT NOT NULL,
  version BIGINT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  differs BOOLEAN NOT NULL,
  lines BIGINT NOT NULL,
  live JSONB NOT NULL,
  shadow JSONB NOT NULL,
  CONSTRAINT pk_shadow_decision PRIMARY KEY (order_id, decision_id, policy)
);
CREATE INDEX ix_shadow_decision_at ON shadow_decision (at);

CREATE TABLE sourcing_exclusion (
  order_id UUID NOT NULL,
  site_id UUID NOT NULL,
  reason TEXT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_sourcing_exclusion PRIMARY KEY (order_id, site_id),
  CONSTRAINT fk_sourcing_exclusion_order_id FOREIGN KEY(order_id) REFERENCES customer_order (id)
);

CREATE TABLE site_closure (
  site_id UUID NOT NULL,
  reason TEXT NOT NULL,
  from_at TIMESTAMP WITH TIME ZONE NOT NULL,
  until_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_site_closure PRIMARY KEY (site_id)
);

CREATE TABLE site_day (
  site_id UUID NOT NULL,
  ships_on DATE NOT NULL,
  units BIGINT DEFAULT '0' NOT NULL,
  CONSTRAINT pk_site_day PRIMARY KEY (site_id, ships_on)
);

CREATE TABLE stock_value (
  site_id UUID NOT NULL,
  sku_id UUID NOT NULL,
  markdown_minor BIGINT DEFAULT '0' NOT NULL,
  scarcity_minor BIGINT DEFAULT '0' NOT NULL,
  CONSTRAINT pk_stock_value PRIMARY KEY (site_id, sku_id)
);

ALTER TABLE decision
  ADD COLUMN kind TEXT DEFAULT 'SOURCED' NOT NULL,
  ADD COLUMN policy TEXT DEFAULT '' NOT NULL,
  ADD COLUMN policy_version BIGINT DEFAULT '0' NOT NULL,
  ADD COLUMN terms JSONB DEFAULT '{}' NOT NULL,
  ADD COLUMN why JSONB DEFAULT '[]' NOT NULL;
CREATE INDEX ix_allocation_in_work ON allocation (site_id)
  WHERE state IN ('ALLOCATED', 'PINNED');
"""


def upgrade() -> None:
    if SOURCING.strip():
        run_sql(op.get_bind(), SOURCING)
