"""Counts and what asks for them."""

from alembic import op

from wms.migrations import run_sql

revision = "0021_counting"
down_revision = "0020_packing"
branch_labels = None
depends_on = None

COUNTING = """
CREATE TABLE count_wanted (
  site_id UUID NOT NULL,
  id UUID NOT NULL,
  location_id UUID NOT NULL,
  sku_id UUID,
  why TEXT NOT NULL,
  cause UUID NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  count_id UUID,
  CONSTRAINT pk_count_wanted PRIMARY KEY (site_id, id)
);

CREATE TABLE stock_count (
  site_id UUID NOT NULL,
  id UUID NOT NULL,
  kind TEXT NOT NULL,
  state TEXT DEFAULT 'OPEN' NOT NULL,
  location_id UUID,
  zone TEXT DEFAULT '' NOT NULL,
  sku_id UUID,
  why TEXT DEFAULT '' NOT NULL,
  abc TEXT DEFAULT '' NOT NULL,
  group_id UUID,
  rounds BIGINT DEFAULT '0' NOT NULL,
  units_off BIGINT DEFAULT '0' NOT NULL,
  units_book BIGINT DEFAULT '0' NOT NULL,
  value_minor BIGINT DEFAULT '0' NOT NULL,
  approved_by TEXT DEFAULT '' NOT NULL,
  reason TEXT DEFAULT '' NOT NULL,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  ended_at TIMESTAMP WITH TIME ZONE,
  ended_by TEXT DEFAULT '' NOT NULL,
  CONSTRAINT pk_stock_count PRIMARY KEY (site_id, id),
  CONSTRAINT ck_stock_count_state
    CHECK (state IN ('OPEN', 'REVIEW', 'ACCEPTED', 'POSTED', 'AGREED', 'REJECTED',
      'CANCELLED')),
  CONSTRAINT ck_stock_count_kind CHECK (kind IN ('CYCLE', 'WANTED', 'DEMAND', 'ZONE', 'SWEEP')),
  CONSTRAINT ck_stock_count_place CHECK ((location_id IS NULL) = (kind = 'SWEEP'))
);
CREATE INDEX ix_stock_count_listed ON stock_count (site_id, made_at, id);
CREATE INDEX ix_stock_count_live ON stock_count (site_id, state)
  WHERE state IN ('OPEN', 'REVIEW', 'ACCEPTED');
CREATE INDEX ix_stock_count_place ON stock_count (site_id, location_id, ended_at);
CREATE TABLE count_round (
  site_id UUID NOT NULL,
  count_id UUID NOT NULL,
  no BIGINT NOT NULL,
  task_id UUID NOT NULL,
  operator TEXT DEFAULT '' NOT NULL,
  device TEXT DEFAULT '' NOT NULL,
  began_at TIMESTAMP WITH TIME ZONE,
  snapshot TEXT DEFAULT '' NOT NULL,
  books JSONB DEFAULT '[]' NOT NULL,
  done_at TIMESTAMP WITH TIME ZONE,
  verdict TEXT DEFAULT '' NOT NULL,
  CONSTRAINT pk_count_round PRIMARY KEY (site_id, count_id, no),
  CONSTRAINT fk_count_round_site_id_count_id
    FOREIGN KEY(site_id, count_id) REFERENCES stock_count (site_id, id)
);
CREATE TABLE count_line (
  site_id UUID NOT NULL,
  count_id UUID NOT NULL,
  round_no BIGINT NOT NULL,
  no BIGINT NOT NULL,
  sku_id UUID,
  owner_id UUID,
  handling_unit_id UUID NOT NULL,
  lot TEXT DEFAULT '' NOT NULL,
  code TEXT DEFAULT '' NOT NULL,
  counted BIGINT NOT NULL,
  book_lo BIGINT DEFAULT '0' NOT NULL,
  book_hi BIGINT DEFAULT '0' NOT NULL,
  difference BIGINT DEFAULT '0' NOT NULL,
  serials TEXT[] DEFAULT '{}' NOT NULL,
  missing TEXT[] DEFAULT '{}' NOT NULL,
  unexpected TEXT[] DEFAULT '{}' NOT NULL,
  CONSTRAINT pk_count_line PRIMARY KEY (site_id, count_id, round_no, no),
  CONSTRAINT fk_count_line_site_id_count_id_round_no
    FOREIGN KEY(site_id, count_id, round_no) REFERENCES count_round (site_id, count_id, no),
  CONSTRAINT ck_count_line_counted CHECK (counted >= 0)
);
CREATE TABLE count_adjustment (
  site_id UUID NOT NULL,
  count_id UUID NOT NULL,
  command_id UUID NOT NULL,
  kind TEXT NOT NULL,
  sku_id UUID NOT NULL,
  lot TEXT NOT NULL,
  units BIGINT NOT NULL,
  value_minor BIGINT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_count_adjustment PRIMARY KEY (site_id, count_id, command_id),
  CONSTRAINT fk_count_adjustment_site_id_count_id
    FOREIGN KEY(site_id, count_id) REFERENCES stock_count (site_id, id),
  CONSTRAINT ck_count_adjustment_kind CHECK (kind IN ('FOUND', 'SURPLUS', 'MISSING', 'SHORT')),
  CONSTRAINT ck_count_adjustment_units CHECK ((units > 0) = (kind IN ('FOUND', 'SURPLUS')))
);
CREATE TABLE count_act (
  site_id UUID NOT NULL,
  id UUID NOT NULL,
  count_id UUID NOT NULL,
  act TEXT NOT NULL,
  actor TEXT NOT NULL,
  reason TEXT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_count_act PRIMARY KEY (site_id, id)
);
CREATE TABLE count_policy (
  site_id UUID NOT NULL,
  body JSONB NOT NULL,
  saved_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_count_policy PRIMARY KEY (site_id)
);
CREATE TABLE count_class (
  site_id UUID NOT NULL,
  sku_id UUID NOT NULL,
  abc TEXT NOT NULL,
  value_minor BIGINT NOT NULL,
  times BIGINT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_count_class PRIMARY KEY (site_id, sku_id)
);
CREATE TABLE sku_value (
  sku_id UUID NOT NULL,
  value_minor BIGINT NOT NULL,
  saved_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_sku_value PRIMARY KEY (sku_id)
);
"""


def upgrade() -> None:
    run_sql(op.get_bind(), COUNTING)
