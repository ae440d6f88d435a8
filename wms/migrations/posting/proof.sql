-- What proves the books: monthly checkpoints, seals, limits and alarms of the lanes.

CREATE FUNCTION written_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is written once and never changed', tg_table_name
    USING ERRCODE = 'restrict_violation';
END $$;

-- ------------------------------------------------------------------------------- checkpoints

-- What the movements through the end of a month (UTC) add up to, a row a quant; and what variance
-- of weight they found. A month of a site is made at once (stock_checkpoint_make) and never again.
CREATE TABLE quant_checkpoint (
  site_id uuid NOT NULL,
  month date NOT NULL,
  location_id uuid NOT NULL,
  sku_id uuid NOT NULL,
  owner_id uuid NOT NULL,
  handling_unit_id uuid NOT NULL,
  lot text NOT NULL,
  condition text NOT NULL,
  units bigint NOT NULL,
  weight_g bigint NOT NULL,
  variance_g bigint NOT NULL,
  CONSTRAINT pk_quant_checkpoint PRIMARY KEY (
    site_id, month, location_id, sku_id, owner_id, handling_unit_id, lot, condition)
);

-- The head of those rows: how many there are, and the SHA-256 of all. Heads are sealed.
CREATE TABLE stock_checkpoint (
  site_id uuid NOT NULL,
  month date NOT NULL,
  quants bigint NOT NULL,
  movements bigint NOT NULL,     -- folded since the checkpoint before
  hash bytea NOT NULL,
  made_at timestamptz NOT NULL DEFAULT now(),
  xid bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
  CONSTRAINT pk_stock_checkpoint PRIMARY KEY (site_id, month),
  CONSTRAINT fk_stock_checkpoint_site_id FOREIGN KEY (site_id) REFERENCES site (id),
  CONSTRAINT ck_stock_checkpoint_month CHECK (extract(day FROM month) = 1)
);
CREATE INDEX ix_stock_checkpoint_xid ON stock_checkpoint (xid);
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE ON quant_checkpoint
  FOR EACH ROW EXECUTE FUNCTION written_once();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON quant_checkpoint
  FOR EACH STATEMENT EXECUTE FUNCTION written_once();
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE ON stock_checkpoint
  FOR EACH ROW EXECUTE FUNCTION written_once();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON stock_checkpoint
  FOR EACH STATEMENT EXECUTE FUNCTION written_once();

CREATE FUNCTION month_end(p_month date) RETURNS timestamptz IMMUTABLE PARALLEL SAFE
LANGUAGE sql RETURN (p_month + interval '1 month') AT TIME ZONE 'UTC';

-- Whether all that was recorded before that time is written, for ever. A movement bears the time
-- at which its transaction began, so no transaction that began before may still run. Those of
-- which we may not see when they began count as running. The margin is for a transaction that has
-- looked at the clock and has not said so yet.
CREATE FUNCTION stock_settled(p_before timestamptz, p_margin interval DEFAULT '1 minute')
RETURNS boolean
SECURITY DEFINER SET search_path = public, pg_temp LANGUAGE sql RETURN
  clock_timestamp() >= p_before + p_margin
  AND NOT EXISTS (
    SELECT 1 FROM pg_stat_activity a
     WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
       AND a.backend_type = 'client backend'
       AND (a.xact_start < p_before
            OR a.xact_start IS NULL AND a.query = '<insufficient privilege>'))
  AND NOT EXISTS (SELECT 1 FROM pg_prepared_xacts p WHERE p.database = current_database());

CREATE FUNCTION quant_checkpoint_hash(p_site uuid, p_month date) RETURNS bytea
STABLE PARALLEL SAFE LANGUAGE sql RETURN (
  SELECT sha256(coalesce(string_agg(r.hash, ''::bytea ORDER BY r.hash), ''::bytea))
    FROM (SELECT sha256(record_send(ROW(1, q.site_id, q.month, q.location_id, q.sku_id, q.owner_id,
                   q.handling_unit_id, q.lot, q.condition, q.units, q.weight_g, q.variance_g)))
                 AS hash
            FROM quant_checkpoint q WHERE q.site_id = p_site AND q.month = p_month) AS r);

-- Fold a month of a site onto the checkpoint before. True if it has been made now; false if there
-- is one already, or one after it, or if the month is not over and settled.
CREATE FUNCTION stock_checkpoint_make(p_site uuid, p_month date) RETURNS boolean
SECURITY DEFINER SET search_path = public, pg_temp SET work_mem = '256MB' LANGUAGE plpgsql AS $$
DECLARE
  v_before date;
  v_from timestamptz := '-infinity';
  v_to CONSTANT timestamptz := month_end(p_month);
  v_movements bigint;
  v_quants bigint;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'a checkpoint needs a fresh snapshot: read committed'
      USING ERRCODE = 'invalid_transaction_state';
  END IF;
  PERFORM 1 FROM site s WHERE s.id = p_site FOR NO KEY UPDATE;  -- one at a time
  IF NOT FOUND OR EXISTS (SELECT 1 FROM stock_checkpoint c
                           WHERE c.site_id = p_site AND c.month >= p_month) THEN
    RETURN false;
  END IF;
  IF NOT stock_settled(v_to) THEN
    RETURN false;
  END IF;
  -- from here on each statement sees all that was recorded before the end of the month
  SELECT max(c.month) INTO v_before FROM stock_checkpoint c WHERE c.site_id = p_site;
  IF v_before IS NOT NULL THEN
    v_from := month_end(v_before);
  END IF;
  SELECT count(*) INTO v_movements FROM movement m
   WHERE m.site_id = p_site AND m.recorded_at >= v_from AND m.recorded_at < v_to;
  INSERT INTO quant_checkpoint (site_id, month, location_id, sku_id, owner_id, handling_unit_id,
                                lot, condition, units, weight_g, variance_g)
    SELECT p_site, p_month, e.location_id, e.sku_id, e.owner_id, e.unit_id, e.lot, e.condition,
           sum(e.units), sum(e.weight_g), sum(e.variance_g)
      FROM (
        SELECT b.location_id, b.sku_id, b.owner_id, b.handling_unit_id AS unit_id, b.lot,
               b.condition, b.units, b.weight_g, b.variance_g
          FROM quant_checkpoint b WHERE b.site_id = p_site AND b.month = v_before
        UNION ALL
        SELECT l.location_id, m.sku_id, m.owner_id, l.unit_id, m.lot, l.condition, l.units,
               l.weight_g, l.variance_g
          FROM movement m
         CROSS JOIN LATERAL (VALUES
           (m.to_location_id, m.to_unit_id, m.to_condition, m.units, m.weight_g, m.variance_g),
           (m.from_location_id, m.from_unit_id, m.from_condition, - m.units,
            m.variance_g - m.weight_g, 0::bigint))
           AS l(location_id, unit_id, condition, units, weight_g, variance_g)
         WHERE m.site_id = p_site AND m.recorded_at >= v_from AND m.recorded_at < v_to
      ) AS e
     GROUP BY 3, 4, 5, 6, 7, 8
    HAVING sum(e.units) <> 0 OR sum(e.weight_g) <> 0 OR sum(e.variance_g) <> 0;
  GET DIAGNOSTICS v_quants = ROW_COUNT;
  INSERT INTO stock_checkpoint (site_id, month, quants, movements, hash)
    VALUES (p_site, p_month, v_quants, v_movements, quant_checkpoint_hash(p_site, p_month));
  RETURN true;
END $$;

-- ------------------------------------------------------------------------------------- seals

-- Rows are found by the transaction that wrote them.
CREATE INDEX ix_movement_xid ON movement (xid);

-- What of a row is sealed: all of it, as PostgreSQL sends it over the wire. That is the same
-- whatever time zone or style a session has; text is sent in the client's encoding (UTF8).
CREATE FUNCTION seal_of_movement(m movement) RETURNS bytea STABLE PARALLEL SAFE
LANGUAGE sql RETURN sha256(record_send(ROW(1, m.site_id, m.recorded_at, m.id, m.command_id,
  m.cause_kind, m.cause_id, m.actor, m.owner_id, m.sku_id, m.lot, m.serial, m.from_condition,
  m.to_condition, m.from_location_id, m.from_unit_id, m.to_location_id, m.to_unit_id, m.units,
  m.weight_g, m.variance_g, m.reason, m.occurred_at, m.xid)));
CREATE FUNCTION seal_of_checkpoint(c stock_checkpoint) RETURNS bytea STABLE PARALLEL SAFE
LANGUAGE sql RETURN sha256(record_send(ROW(2, c.site_id, c.month, c.quants, c.movements, c.hash,
  c.made_at, c.xid)));

-- One link of the chain. hash = SHA-256(all before it, and the hash of the link before); the
-- signature is over the hash (wms/stock/seal.py).
CREATE TABLE seal (
  number bigint NOT NULL,
  from_xid bigint NOT NULL,
  to_xid bigint NOT NULL,        -- exclusive
  rows bigint NOT NULL,
  content bytea NOT NULL,        -- SHA-256 of the hashes of the rows, sorted
  made_at timestamptz NOT NULL,
  previous bytea NOT NULL,
  hash bytea NOT NULL,
  public_key bytea NOT NULL,
  signature bytea NOT NULL,
  CONSTRAINT pk_seal PRIMARY KEY (number),
  CONSTRAINT ck_seal_range CHECK (number >= 1 AND from_xid < to_xid AND rows > 0),
  CONSTRAINT ck_seal_sizes CHECK (length(content) = 32 AND length(previous) = 32
    AND length(hash) = 32 AND length(public_key) = 32 AND length(signature) = 64)
);
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE ON seal
  FOR EACH ROW EXECUTE FUNCTION written_once();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON seal
  FOR EACH STATEMENT EXECUTE FUNCTION written_once();

-- A seal goes on where the last one ends.
CREATE FUNCTION seal_goes_on() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  v_last seal;
BEGIN
  SELECT s.* INTO v_last FROM seal s ORDER BY s.number DESC LIMIT 1;
  IF new.number <= v_last.number THEN
    RETURN NULL;  -- another worker was faster
  END IF;
  IF new.number <> coalesce(v_last.number, 0) + 1
     OR new.from_xid <> coalesce(v_last.to_xid, 0)
     OR new.previous <> coalesce(v_last.hash, decode(repeat('00', 32), 'hex'))
     OR new.to_xid > pg_snapshot_xmin(pg_current_snapshot())::text::bigint THEN
    RAISE EXCEPTION 'seal % does not go on where the last one ends', new.number
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER goes_on BEFORE INSERT ON seal FOR EACH ROW EXECUTE FUNCTION seal_goes_on();

-- How many rows those transactions wrote, and the hash of them all.
CREATE FUNCTION seal_content(p_from bigint, p_to bigint, OUT rows bigint, OUT content bytea)
STABLE PARALLEL SAFE LANGUAGE plpgsql AS $$
BEGIN
  IF pg_client_encoding() <> 'UTF8' THEN
    RAISE EXCEPTION 'seals are made in UTF8, not in %', pg_client_encoding();
  END IF;
  SELECT count(*), sha256(coalesce(string_agg(r.hash, ''::bytea ORDER BY r.hash), ''::bytea))
    INTO rows, content
    FROM (SELECT seal_of_movement(m) AS hash FROM movement m
           WHERE m.xid >= p_from AND m.xid < p_to
          UNION ALL
          SELECT seal_of_checkpoint(c) FROM stock_checkpoint c
           WHERE c.xid >= p_from AND c.xid < p_to) AS r;
END $$;

-- The next seal, but for its hash and signature; no row when there is nothing new. It goes up to
-- the oldest transaction that still runs: whatever is below has ended, so no row can come to lie
-- there any more. Rows beyond p_rows are left to the next seal, from a transaction's first on.
CREATE FUNCTION seal_next(p_rows int)
RETURNS TABLE (number bigint, from_xid bigint, to_xid bigint, rows bigint, content bytea,
               made_at timestamptz, previous bytea)
STABLE LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  v_last seal;
  v_to bigint := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
  v_from bigint;
  v_first bigint;
  v_cut bigint;
BEGIN
  SELECT s.* INTO v_last FROM seal s ORDER BY s.number DESC LIMIT 1;
  v_from := coalesce(v_last.to_xid, 0);
  IF v_to < v_from THEN
    RAISE EXCEPTION 'transaction % is sealed and the oldest of now is %: numbers began again',
        v_from - 1, v_to
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT =
        'This is a dump put back into another server. Stop it, run pg_resetwal --epoch with the'
        ' next epoch, and start it, before goods are moved.';
  END IF;
  SELECT min(r.xid), max(r.xid) FILTER (WHERE r.place > p_rows) INTO v_first, v_cut FROM (
    SELECT m.xid, row_number() OVER (ORDER BY m.xid) AS place FROM movement m
     WHERE m.xid >= v_from AND m.xid < v_to ORDER BY m.xid LIMIT p_rows + 1) AS r;
  IF v_cut IS NOT NULL THEN
    v_to := greatest(v_cut, v_first + 1);
  END IF;
  RETURN QUERY
    SELECT coalesce(v_last.number, 0) + 1, v_from, v_to, c.rows, c.content, now(),
           coalesce(v_last.hash, decode(repeat('00', 32), 'hex'))
      FROM seal_content(v_from, v_to) AS c WHERE c.rows > 0;
END $$;

-- ------------------------------------------------------------------------------------- lanes

-- After how many days on a lane goods are asked after. Here is what differs from the usual.
CREATE TABLE lane_limit (
  lane text NOT NULL,
  days int NOT NULL,
  CONSTRAINT pk_lane_limit PRIMARY KEY (lane),
  CONSTRAINT ck_lane_limit_days CHECK (days > 0)
);
CREATE FUNCTION lane_days(p_lane text) RETURNS int STABLE PARALLEL SAFE LANGUAGE sql RETURN
  coalesce((SELECT l.days FROM lane_limit l WHERE l.lane = p_lane), CASE p_lane
    WHEN 'TO_CUSTOMER' THEN 14
    WHEN 'TO_STORE' THEN 5
    WHEN 'TO_LOCKER' THEN 5
    WHEN 'STORE_TO_DC' THEN 7
    WHEN 'DC_TO_DC' THEN 7
    WHEN 'NETWORK' THEN 7
    WHEN 'FROM_CUSTOMER' THEN 30
    WHEN 'FROM_SUPPLIER' THEN 90
  END);

-- Goods that are on a lane for too long, as somebody was told.
CREATE TABLE lane_alarm (
  site_id uuid NOT NULL,
  location_id uuid NOT NULL,
  sku_id uuid NOT NULL,
  owner_id uuid NOT NULL,
  lot text NOT NULL,
  units bigint NOT NULL,
  raised_at timestamptz NOT NULL,
  CONSTRAINT pk_lane_alarm PRIMARY KEY (site_id, location_id, sku_id, owner_id, lot),
  CONSTRAINT fk_lane_alarm_site_id_location_id
    FOREIGN KEY (site_id, location_id) REFERENCES location (site_id, id),
  CONSTRAINT ck_lane_alarm_units CHECK (units > 0)
);

-- What has certainly been on its lane for longer than the limit and p_grace: what is there, less
-- all that came since. With p_network, what is between sites: what all have sent, less what all
-- received; it is put down to the site that has most under way.
CREATE FUNCTION lane_overdue(p_grace interval, p_network boolean)
RETURNS TABLE (site_id uuid, location_id uuid, sku_id uuid, owner_id uuid, lot text, lane text,
               days int, units bigint)
STABLE LANGUAGE sql BEGIN ATOMIC
  WITH here AS MATERIALIZED (
    SELECT q.site_id, q.location_id, q.sku_id, q.owner_id, q.lot, l.lane, l.days,
           sum(q.units) AS units
      FROM quant q
      JOIN (SELECT p.site_id, p.id, x.lane, lane_days(x.lane) AS days
              FROM location p CROSS JOIN LATERAL (SELECT coalesce(p.lane, p.kind) AS lane) AS x
             WHERE p.kind = CASE WHEN p_network THEN 'NETWORK' ELSE 'LANE' END) AS l
        ON l.site_id = q.site_id AND l.id = q.location_id
     WHERE q.units <> 0 OR p_network
     GROUP BY 1, 2, 3, 4, 5, 6, 7),
  busy AS MATERIALIZED (
    SELECT h.site_id, h.location_id,
           now() - p_grace - make_interval(days => max(h.days)) AS since
      FROM here h GROUP BY 1, 2),
  came AS (
    SELECT m.site_id, m.to_location_id AS location_id, m.sku_id, m.owner_id, m.lot,
           sum(m.units) AS units
      FROM movement m
      JOIN busy b ON b.site_id = m.site_id AND b.location_id = m.to_location_id
     WHERE m.recorded_at > (SELECT min(o.since) FROM busy o) AND m.recorded_at > b.since
       AND m.from_location_id <> m.to_location_id
     GROUP BY 1, 2, 3, 4, 5),
  stood AS (
    SELECT h.*, h.units - coalesce(c.units, 0) AS old
      FROM here h LEFT JOIN came c USING (site_id, location_id, sku_id, owner_id, lot))
  SELECT s.site_id, s.location_id, s.sku_id, s.owner_id, s.lot, s.lane, s.days, s.old::bigint
    FROM stood s WHERE NOT p_network AND s.old > 0
  UNION ALL
  SELECT (array_agg(s.site_id ORDER BY s.units DESC, s.site_id))[1],
         (array_agg(s.location_id ORDER BY s.units DESC, s.site_id))[1],
         s.sku_id, s.owner_id, s.lot, s.lane, s.days, sum(s.old)::bigint
    FROM stood s WHERE p_network
   GROUP BY s.sku_id, s.owner_id, s.lot, s.lane, s.days HAVING sum(s.old) > 0;
END;

-- ------------------------------------------------------------------------------------ rights

REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON quant_checkpoint, stock_checkpoint FROM soko_app;
REVOKE UPDATE, DELETE, TRUNCATE ON seal FROM soko_app;
REVOKE ALL ON FUNCTION stock_checkpoint_make, stock_settled FROM PUBLIC;
GRANT EXECUTE ON FUNCTION stock_checkpoint_make TO soko_app;

-- The worker makes the partitions of the months to come.
ALTER FUNCTION movement_months SECURITY DEFINER SET search_path = public, pg_temp;
GRANT EXECUTE ON FUNCTION movement_months TO soko_app;
