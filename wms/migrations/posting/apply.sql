-- What all postings share: locking balances, and applying legs to quants, balances and movements.
-- Callers hold the locks of all balances they touch. A balance's lock also guards the holds and
-- quants of its SKU at its site, so nothing else is ever locked.

-- One line of a posting, worked out: units that move, units that are pinned, promises that change.
CREATE TYPE stock_leg AS (
  ord int,
  site_id uuid,
  owner_id uuid,
  sku_id uuid,
  lot text,
  from_condition text,
  to_condition text,
  from_location_id uuid,
  from_unit_id uuid,
  to_location_id uuid,
  to_unit_id uuid,
  units bigint,           -- that move; 0: none
  pin_location_id uuid,
  pin_unit_id uuid,
  pinned bigint,          -- change of what is pinned there
  reserved bigint,        -- change of the balance's counter
  allocated bigint,
  hold_kind text,         -- of the hold whose promises change
  command_id uuid,
  cause_kind text,
  cause_id uuid,
  actor text,
  reason text,
  occurred_at timestamptz,
  comes_in boolean,       -- from outside our walls
  goes_out boolean,
  tracking text,          -- of the SKU
  catch_weight boolean,
  weight_g bigint,        -- as stated; then what arrives
  variance_g bigint,      -- what arrives minus what left
  serials text[],
  tied_to uuid,           -- the hold whose serials these are, before
  tie uuid,               -- and after
  fault text
);

-- The change of one quant.
CREATE TYPE stock_delta AS (
  site_id uuid,
  location_id uuid,
  sku_id uuid,
  owner_id uuid,
  handling_unit_id uuid,
  lot text,
  condition text,
  units bigint,
  pinned bigint,
  weight_g bigint,
  counter text
);

-- What is in a unit is accounted for at one virtual place a counter; the unit itself has the
-- place. Null: goods with that counter belong to holds, and are where these say.
CREATE FUNCTION unit_account(p_counter text) RETURNS text IMMUTABLE LANGUAGE sql RETURN
  CASE p_counter WHEN 'sellable' THEN '@UNITS' WHEN 'received' THEN '@DOCK_IN'
    WHEN 'quarantine' THEN '@QUARANTINE' WHEN 'return_received' THEN '@RETURNS_BENCH' END;

-- Lock the balances of those holds and of those keys (condition A), in the order of their keys.
CREATE FUNCTION stock_lock(p_holds jsonb, p_site uuid[], p_owner uuid[], p_sku uuid[])
RETURNS void SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET enable_material = off LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM stock_balance b
    WHERE (b.site_id, b.owner_id, b.sku_id, b.segment) IN (
      SELECT h.site_id, h.owner_id, h.sku_id, h.segment
        FROM jsonb_to_recordset(p_holds) AS x(site_id uuid, hold_id uuid)
        JOIN hold h ON h.site_id = x.site_id AND h.id = x.hold_id
      UNION
      SELECT k.s, k.o, k.k, 'A' FROM unnest(p_site, p_owner, p_sku) AS k(s, o, k))
    ORDER BY b.site_id, b.owner_id, b.sku_id, b.segment
    FOR NO KEY UPDATE;
END $$;

-- The lines that lack stock, taken one after the other in their order: at a place, and in the
-- balance. What one line brings another may take, whichever comes first.
CREATE FUNCTION stock_short(p_legs stock_leg[])
RETURNS TABLE (ord int, wanted bigint, free bigint)
SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET enable_material = off LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH entry AS (
    SELECT g.ord, g.site_id, g.from_location_id AS location_id, g.sku_id, g.owner_id,
           g.from_unit_id AS unit_id, g.lot, g.from_condition AS condition, - g.units AS units
      FROM unnest(p_legs) AS g WHERE g.units > 0
    UNION ALL
    SELECT g.ord, g.site_id, g.to_location_id, g.sku_id, g.owner_id, g.to_unit_id, g.lot,
           g.to_condition, g.units
      FROM unnest(p_legs) AS g WHERE g.units > 0
    UNION ALL
    SELECT g.ord, g.site_id, g.pin_location_id, g.sku_id, g.owner_id, g.pin_unit_id, g.lot,
           g.from_condition, - g.pinned
      FROM unnest(p_legs) AS g WHERE g.pinned <> 0),
  placed AS (
    SELECT e.*, l.counter FROM entry e
      JOIN location l ON l.site_id = e.site_id AND l.id = e.location_id
     WHERE l.counter <> 'outside'),
  account AS (
    SELECT p.ord, 'q' AS kind, p.site_id, p.owner_id, p.sku_id, p.condition, p.location_id,
           p.unit_id, p.lot, sum(p.units)::bigint AS units
      FROM placed p GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
    UNION ALL
    SELECT b.ord, 'b', b.site_id, b.owner_id, b.sku_id, b.condition, NULL, NULL, NULL,
           sum(b.units)::bigint
      FROM (
        SELECT g.ord, g.site_id, g.owner_id, g.sku_id, g.from_condition AS condition,
               - g.reserved - g.allocated AS units
          FROM unnest(p_legs) AS g
        UNION ALL
        SELECT e.ord, e.site_id, e.owner_id, e.sku_id, e.condition, e.units
          FROM (SELECT g.ord, g.site_id, g.owner_id, g.sku_id, g.from_location_id AS location_id,
                       g.from_condition AS condition, - g.units AS units
                  FROM unnest(p_legs) AS g WHERE g.units > 0
                UNION ALL
                SELECT g.ord, g.site_id, g.owner_id, g.sku_id, g.to_location_id, g.to_condition,
                       g.units
                  FROM unnest(p_legs) AS g WHERE g.units > 0) AS e
          JOIN location l ON l.site_id = e.site_id AND l.id = e.location_id
         WHERE l.counter = 'sellable' AND e.condition <> 'D') AS b
     GROUP BY 1, 2, 3, 4, 5, 6),
  had AS (
    SELECT a.*, (CASE a.kind
        WHEN 'q' THEN coalesce((
          SELECT q.units - q.pinned FROM quant q
           WHERE q.site_id = a.site_id AND q.location_id = a.location_id AND q.sku_id = a.sku_id
             AND q.owner_id = a.owner_id AND q.handling_unit_id = a.unit_id AND q.lot = a.lot
             AND q.condition = a.condition), 0)
        ELSE coalesce((
          SELECT b.sellable - b.reserved - b.allocated + b.overdraft FROM stock_balance b
           WHERE b.site_id = a.site_id AND b.owner_id = a.owner_id AND b.sku_id = a.sku_id
             AND b.segment = a.condition), 0) END)
        + sum(greatest(a.units, 0)) OVER (PARTITION BY a.no) AS free
      FROM (SELECT c.*, dense_rank() OVER (ORDER BY c.kind, c.site_id, c.owner_id, c.sku_id,
                          c.condition, c.location_id, c.unit_id, c.lot) AS no
              FROM account c) AS a),
  rested AS (
    SELECT h.ord, h.no, h.kind, - h.units AS wanted, h.free::bigint AS free,
           stock_take(- h.units, h.free::bigint) OVER (PARTITION BY h.no ORDER BY h.ord) AS rest
      FROM had h WHERE h.units < 0),
  judged AS (
    SELECT r.ord, r.kind, r.wanted,
           coalesce(lag(r.rest) OVER (PARTITION BY r.no ORDER BY r.ord), r.free) AS free
      FROM rested r)
  SELECT DISTINCT ON (j.ord) j.ord, j.wanted, greatest(j.free, 0)
    FROM judged j WHERE j.wanted > j.free ORDER BY j.ord, j.kind DESC;
END $$;

-- Apply legs, all or none. Returns the lines that lack stock; when it returns none, it is done.
-- Only the sum of a posting counts: what one line brings another may take.
CREATE FUNCTION stock_apply(p_legs stock_leg[])
RETURNS TABLE (ord int, wanted bigint, free bigint)
SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET enable_material = off LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  v_quants stock_delta[];
  v_balances stock_balance[];
BEGIN
  -- 1. what changes, a row a quant and a row a balance
  SELECT array_agg(d.delta) INTO v_quants FROM (
    SELECT ROW(e.site_id, e.location_id, e.sku_id, e.owner_id, e.unit_id, e.lot, e.condition,
               sum(e.units), sum(e.pinned), sum(e.weight_g), l.counter)::stock_delta AS delta
    FROM (
      SELECT g.site_id, g.from_location_id AS location_id, g.sku_id, g.owner_id,
             g.from_unit_id AS unit_id, g.lot, g.from_condition AS condition,
             - g.units AS units, 0 AS pinned, g.variance_g - g.weight_g AS weight_g
        FROM unnest(p_legs) AS g WHERE g.units > 0
      UNION ALL
      SELECT g.site_id, g.to_location_id, g.sku_id, g.owner_id,
             g.to_unit_id, g.lot, g.to_condition, g.units, 0, g.weight_g
        FROM unnest(p_legs) AS g WHERE g.units > 0
      UNION ALL
      SELECT g.site_id, g.pin_location_id, g.sku_id, g.owner_id,
             g.pin_unit_id, g.lot, g.from_condition, 0, g.pinned, 0
        FROM unnest(p_legs) AS g WHERE g.pinned <> 0
    ) AS e
    JOIN location l ON l.site_id = e.site_id AND l.id = e.location_id
    GROUP BY e.site_id, e.location_id, e.sku_id, e.owner_id, e.unit_id, e.lot, e.condition,
             l.counter
  ) AS d;

  SELECT array_agg(b.delta) INTO v_balances FROM (
    SELECT ROW(c.site_id, c.owner_id, c.sku_id, c.segment,
      coalesce(sum(c.units) FILTER (WHERE c.counter = 'expected'), 0),
      coalesce(sum(c.units) FILTER (WHERE c.counter = 'received'), 0),
      coalesce(sum(c.units) FILTER (WHERE c.counter = 'sellable'), 0),
      sum(c.reserved), sum(c.cart), sum(c.click_reserve), sum(c.allocated),
      coalesce(sum(c.units) FILTER (WHERE c.counter = 'picked'), 0),
      coalesce(sum(c.units) FILTER (WHERE c.counter = 'packed'), 0),
      coalesce(sum(c.units) FILTER (WHERE c.counter = 'to_customer'), 0),
      coalesce(sum(c.units) FILTER (WHERE c.counter = 'to_store'), 0),
      coalesce(sum(c.units) FILTER (WHERE c.counter = 'to_locker'), 0),
      coalesce(sum(c.units) FILTER (WHERE c.counter = 'store_to_dc'), 0),
      coalesce(sum(c.units) FILTER (WHERE c.counter = 'dc_to_dc'), 0),
      coalesce(sum(c.units) FILTER (WHERE c.counter = 'return_requested'), 0),
      coalesce(sum(c.units) FILTER (WHERE c.counter = 'return_in_transit'), 0),
      coalesce(sum(c.units) FILTER (WHERE c.counter = 'return_received'), 0),
      coalesce(sum(c.units) FILTER (WHERE c.counter = 'quarantine'), 0),
      coalesce(sum(c.units) FILTER (WHERE c.counter = 'damaged'), 0),
      coalesce(sum(c.units) FILTER (WHERE c.counter = 'lost'), 0),
      coalesce(sum(c.units) FILTER (WHERE c.counter = 'unknown'), 0),
      0, 0, sum(c.blocked), NULL, min(c.stops_at))::stock_balance AS delta
    FROM (
      SELECT q.site_id, q.owner_id, q.sku_id, q.condition AS segment,
             CASE WHEN q.condition = 'D' AND q.counter = 'sellable' THEN 'damaged'
                  ELSE q.counter END AS counter,
             q.units, 0::bigint AS reserved, 0::bigint AS cart, 0::bigint AS click_reserve,
             0::bigint AS allocated, CASE WHEN t.stopped THEN q.units ELSE 0 END AS blocked,
             CASE WHEN q.units > 0 AND NOT t.stopped THEN t.ends END AS stops_at
        FROM unnest(v_quants) AS q
        LEFT JOIN LATERAL (  -- lots that nobody may have, as their balance was judged (lots.sql)
          SELECT t.status = 'BLOCKED' OR coalesce(e.ends <= b.judged_at, false) AS stopped, e.ends
            FROM lot t
            JOIN site i ON i.id = q.site_id
            JOIN stock_balance b ON b.site_id = q.site_id AND b.owner_id = q.owner_id
             AND b.sku_id = q.sku_id AND b.segment = q.condition
           CROSS JOIN LATERAL (SELECT lot_ends(t.expires_on, i.time_zone) AS ends) AS e
           WHERE q.lot <> '' AND q.counter = 'sellable' AND q.condition <> 'D'
             AND t.sku_id = q.sku_id AND t.code = q.lot) AS t ON true
      UNION ALL
      SELECT g.site_id, g.owner_id, g.sku_id, g.from_condition, NULL, 0, g.reserved,
             CASE WHEN g.hold_kind = 'CART' THEN g.reserved ELSE 0 END,
             CASE WHEN g.hold_kind = 'CLICK_RESERVE' THEN g.reserved ELSE 0 END, g.allocated,
             0, NULL
        FROM unnest(p_legs) AS g WHERE g.reserved <> 0 OR g.allocated <> 0
    ) AS c
    GROUP BY c.site_id, c.owner_id, c.sku_id, c.segment
  ) AS b;

  -- 2. may it be? Nothing has been written so far.
  IF EXISTS (
    SELECT 1 FROM unnest(v_quants) AS d
      LEFT JOIN quant q ON q.site_id = d.site_id AND q.location_id = d.location_id
        AND q.sku_id = d.sku_id AND q.owner_id = d.owner_id
        AND q.handling_unit_id = d.handling_unit_id AND q.lot = d.lot
        AND q.condition = d.condition
     WHERE d.counter <> 'outside'
       AND coalesce(q.units, 0) + d.units < coalesce(q.pinned, 0) + d.pinned)
   OR EXISTS (
    SELECT 1 FROM unnest(v_balances) AS d
      JOIN stock_balance b ON b.site_id = d.site_id AND b.owner_id = d.owner_id
        AND b.sku_id = d.sku_id AND b.segment = d.segment
     WHERE b.sellable + d.sellable - b.reserved - d.reserved - b.allocated - d.allocated
           < - b.overdraft) THEN
    RETURN QUERY SELECT s.ord, s.wanted, s.free FROM stock_short(p_legs) AS s;
    IF FOUND THEN RETURN; END IF;
    RAISE EXCEPTION 'stock is short, but no line lacks any' USING ERRCODE = 'assert_failure';
  END IF;

  -- 3. write. An update comes before the insert: a check would judge the proposed row by itself.
  UPDATE quant q SET units = q.units + d.units, pinned = q.pinned + d.pinned,
                     weight_g = q.weight_g + d.weight_g
    FROM unnest(v_quants) AS d
   WHERE q.site_id = d.site_id AND q.location_id = d.location_id AND q.sku_id = d.sku_id
     AND q.owner_id = d.owner_id AND q.handling_unit_id = d.handling_unit_id
     AND q.lot = d.lot AND q.condition = d.condition;
  INSERT INTO quant (site_id, location_id, sku_id, owner_id, handling_unit_id, lot, condition,
                     units, pinned, weight_g, outside)
    SELECT d.site_id, d.location_id, d.sku_id, d.owner_id, d.handling_unit_id, d.lot, d.condition,
           d.units, d.pinned, d.weight_g, d.counter = 'outside'
      FROM unnest(v_quants) AS d
     WHERE NOT EXISTS (
       SELECT 1 FROM quant q
        WHERE q.site_id = d.site_id AND q.location_id = d.location_id AND q.sku_id = d.sku_id
          AND q.owner_id = d.owner_id AND q.handling_unit_id = d.handling_unit_id
          AND q.lot = d.lot AND q.condition = d.condition);
  INSERT INTO movement (site_id, command_id, cause_kind, cause_id, actor, owner_id, sku_id, lot,
                        serial, from_condition, to_condition, from_location_id, from_unit_id,
                        to_location_id, to_unit_id, units, weight_g, variance_g, reason,
                        occurred_at)
    SELECT g.site_id, g.command_id, g.cause_kind, g.cause_id, g.actor, g.owner_id, g.sku_id,
           g.lot, coalesce(n.serial, ''), g.from_condition, g.to_condition, g.from_location_id,
           g.from_unit_id, g.to_location_id, g.to_unit_id,
           CASE WHEN n.serial IS NULL THEN g.units ELSE 1 END,
           CASE WHEN n.serial IS NULL THEN g.weight_g
                ELSE g.weight_g * n.i / g.units - g.weight_g * (n.i - 1) / g.units END,
           CASE WHEN n.serial IS NULL THEN g.variance_g
                ELSE g.variance_g * n.i / g.units - g.variance_g * (n.i - 1) / g.units END,
           g.reason, g.occurred_at
      FROM unnest(p_legs) AS g
      LEFT JOIN LATERAL unnest(g.serials) WITH ORDINALITY AS n(serial, i) ON true
     WHERE g.units > 0 ORDER BY g.ord, n.i;
  IF EXISTS (SELECT 1 FROM unnest(p_legs) AS g WHERE g.serials IS NOT NULL) THEN
    INSERT INTO serial (site_id, owner_id, sku_id, serial, location_id, handling_unit_id, lot,
                        condition)
      SELECT g.site_id, g.owner_id, g.sku_id, n, g.to_location_id, g.to_unit_id, g.lot,
             g.to_condition
        FROM unnest(p_legs) AS g CROSS JOIN LATERAL unnest(g.serials) AS n
       WHERE g.comes_in AND NOT g.goes_out;
    UPDATE serial s SET location_id = g.to_location_id, handling_unit_id = g.to_unit_id,
                        lot = g.lot, condition = g.to_condition, hold_id = g.tie
      FROM unnest(p_legs) AS g
     WHERE s.site_id = g.site_id AND s.owner_id = g.owner_id AND s.sku_id = g.sku_id
       AND s.serial = ANY (g.serials) AND NOT g.comes_in AND NOT g.goes_out;
    DELETE FROM serial s USING unnest(p_legs) AS g
     WHERE s.site_id = g.site_id AND s.owner_id = g.owner_id AND s.sku_id = g.sku_id
       AND s.serial = ANY (g.serials) AND g.goes_out;
  END IF;
  WITH changed AS (
    UPDATE stock_balance b SET
      expected = b.expected + d.expected, received = b.received + d.received,
      sellable = b.sellable + d.sellable, reserved = b.reserved + d.reserved,
      cart = b.cart + d.cart, click_reserve = b.click_reserve + d.click_reserve,
      allocated = b.allocated + d.allocated, picked = b.picked + d.picked,
      packed = b.packed + d.packed, to_customer = b.to_customer + d.to_customer,
      to_store = b.to_store + d.to_store, to_locker = b.to_locker + d.to_locker,
      store_to_dc = b.store_to_dc + d.store_to_dc, dc_to_dc = b.dc_to_dc + d.dc_to_dc,
      return_requested = b.return_requested + d.return_requested,
      return_in_transit = b.return_in_transit + d.return_in_transit,
      return_received = b.return_received + d.return_received,
      quarantine = b.quarantine + d.quarantine, damaged = b.damaged + d.damaged,
      lost = b.lost + d.lost, unknown = b.unknown + d.unknown,
      blocked = b.blocked + d.blocked, stops_at = least(b.stops_at, d.stops_at)
    FROM unnest(v_balances) AS d
    WHERE b.site_id = d.site_id AND b.owner_id = d.owner_id AND b.sku_id = d.sku_id
      AND b.segment = d.segment
    RETURNING b.site_id, b.owner_id, b.sku_id, b.segment,
      b.sellable - b.blocked - b.reserved - b.allocated - b.safety AS free,
      d.sellable - d.blocked - d.reserved - d.allocated AS change)
  INSERT INTO outbox (topic, key, type, body)
    SELECT 'stock', c.site_id::text, 'StockChanged', jsonb_build_object('site_id', c.site_id,
             'free', jsonb_agg(jsonb_build_array(c.owner_id, c.sku_id, c.segment, c.free)))
      FROM changed c WHERE c.change <> 0 GROUP BY c.site_id ORDER BY c.site_id;
END $$;

-- Units of a SKU that are never promised at a site, and by how many units it may be oversold.
CREATE FUNCTION stock_set_limits(p_site uuid, p_owner uuid, p_sku uuid, p_safety bigint,
                                 p_overdraft bigint)
RETURNS void SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET enable_material = off LANGUAGE plpgsql AS $$
BEGIN
  WITH changed AS (
    INSERT INTO stock_balance AS b (site_id, owner_id, sku_id, segment, safety, overdraft)
      VALUES (p_site, p_owner, p_sku, 'A', p_safety, p_overdraft)
    ON CONFLICT (site_id, owner_id, sku_id, segment)
      DO UPDATE SET safety = excluded.safety, overdraft = excluded.overdraft
    RETURNING b.sellable - b.blocked - b.reserved - b.allocated - b.safety AS free)
  INSERT INTO outbox (topic, key, type, body)
    SELECT 'stock', p_site::text, 'StockChanged', jsonb_build_object('site_id', p_site,
             'free', jsonb_build_array(jsonb_build_array(p_owner, p_sku, 'A', c.free)))
      FROM changed c;
END $$;
