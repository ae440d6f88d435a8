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
  occurred_at timestamptz
);

-- The change of one quant.
CREATE TYPE stock_delta AS (
  ord int,
  site_id uuid,
  location_id uuid,
  sku_id uuid,
  owner_id uuid,
  handling_unit_id uuid,
  lot text,
  condition text,
  units bigint,
  pinned bigint,
  counter text
);

-- Lock the balances of those holds and of those keys (condition A), in the order of their keys.
CREATE FUNCTION stock_lock(p_holds jsonb, p_site uuid[], p_owner uuid[], p_sku uuid[])
RETURNS void SECURITY DEFINER SET search_path = public, pg_temp LANGUAGE plpgsql AS $$
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

-- Apply legs, all or none. Returns the lines that lack stock; when it returns none, it is done.
-- Only the sum of a posting counts: what one line brings another may take.
CREATE FUNCTION stock_apply(p_legs stock_leg[])
RETURNS TABLE (ord int, wanted bigint, free bigint)
SET search_path = public, pg_temp LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  v_quants stock_delta[];
  v_balances stock_balance[];
BEGIN
  -- 1. what changes, a row a quant and a row a balance
  SELECT array_agg(d.delta ORDER BY d.delta) INTO v_quants FROM (
    SELECT ROW(min(e.ord), e.site_id, e.location_id, e.sku_id, e.owner_id, e.unit_id, e.lot,
               e.condition, sum(e.units), sum(e.pinned), l.counter)::stock_delta AS delta
    FROM (
      SELECT g.ord, g.site_id, g.from_location_id AS location_id, g.sku_id, g.owner_id,
             g.from_unit_id AS unit_id, g.lot, g.from_condition AS condition,
             - g.units AS units, 0 AS pinned
        FROM unnest(p_legs) AS g WHERE g.units > 0
      UNION ALL
      SELECT g.ord, g.site_id, g.to_location_id, g.sku_id, g.owner_id,
             g.to_unit_id, g.lot, g.to_condition, g.units, 0
        FROM unnest(p_legs) AS g WHERE g.units > 0
      UNION ALL
      SELECT g.ord, g.site_id, g.pin_location_id, g.sku_id, g.owner_id,
             g.pin_unit_id, g.lot, g.from_condition, 0, g.pinned
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
      0, 0)::stock_balance AS delta
    FROM (
      SELECT q.site_id, q.owner_id, q.sku_id, q.condition AS segment,
             CASE WHEN q.condition = 'D' AND q.counter = 'sellable' THEN 'damaged'
                  ELSE q.counter END AS counter,
             q.units, 0::bigint AS reserved, 0::bigint AS cart, 0::bigint AS click_reserve,
             0::bigint AS allocated
        FROM unnest(v_quants) AS q
      UNION ALL
      SELECT g.site_id, g.owner_id, g.sku_id, g.from_condition, NULL, 0, g.reserved,
             CASE WHEN g.hold_kind = 'CART' THEN g.reserved ELSE 0 END,
             CASE WHEN g.hold_kind = 'CLICK_RESERVE' THEN g.reserved ELSE 0 END, g.allocated
        FROM unnest(p_legs) AS g WHERE g.reserved <> 0 OR g.allocated <> 0
    ) AS c
    GROUP BY c.site_id, c.owner_id, c.sku_id, c.segment
  ) AS b;

  -- 2. may it be? Nothing has been written so far.
  RETURN QUERY
    SELECT d.ord, d.pinned - d.units, greatest(coalesce(q.units - q.pinned, 0), 0)
      FROM unnest(v_quants) AS d
      LEFT JOIN quant q ON q.site_id = d.site_id AND q.location_id = d.location_id
        AND q.sku_id = d.sku_id AND q.owner_id = d.owner_id
        AND q.handling_unit_id = d.handling_unit_id AND q.lot = d.lot
        AND q.condition = d.condition
     WHERE d.counter <> 'outside'
       AND coalesce(q.units, 0) + d.units < coalesce(q.pinned, 0) + d.pinned
     ORDER BY d.ord;
  IF FOUND THEN RETURN; END IF;
  RETURN QUERY
    SELECT (SELECT min(g.ord) FROM unnest(p_legs) AS g
             WHERE g.site_id = d.site_id AND g.owner_id = d.owner_id AND g.sku_id = d.sku_id),
           d.reserved + d.allocated - d.sellable,
           greatest(b.sellable - b.reserved - b.allocated + b.overdraft, 0)
      FROM unnest(v_balances) AS d
      JOIN stock_balance b ON b.site_id = d.site_id AND b.owner_id = d.owner_id
        AND b.sku_id = d.sku_id AND b.segment = d.segment
     WHERE b.sellable + d.sellable - b.reserved - d.reserved - b.allocated - d.allocated
           < - b.overdraft
     ORDER BY 1;
  IF FOUND THEN RETURN; END IF;

  -- 3. write. An update comes before the insert: a check would judge the proposed row by itself.
  UPDATE quant q SET units = q.units + d.units, pinned = q.pinned + d.pinned
    FROM unnest(v_quants) AS d
   WHERE q.site_id = d.site_id AND q.location_id = d.location_id AND q.sku_id = d.sku_id
     AND q.owner_id = d.owner_id AND q.handling_unit_id = d.handling_unit_id
     AND q.lot = d.lot AND q.condition = d.condition;
  INSERT INTO quant (site_id, location_id, sku_id, owner_id, handling_unit_id, lot, condition,
                     units, pinned, outside)
    SELECT d.site_id, d.location_id, d.sku_id, d.owner_id, d.handling_unit_id, d.lot, d.condition,
           d.units, d.pinned, d.counter = 'outside'
      FROM unnest(v_quants) AS d
     WHERE NOT EXISTS (
       SELECT 1 FROM quant q
        WHERE q.site_id = d.site_id AND q.location_id = d.location_id AND q.sku_id = d.sku_id
          AND q.owner_id = d.owner_id AND q.handling_unit_id = d.handling_unit_id
          AND q.lot = d.lot AND q.condition = d.condition);
  INSERT INTO movement (site_id, command_id, cause_kind, cause_id, actor, owner_id, sku_id, lot,
                        from_condition, to_condition, from_location_id, from_unit_id,
                        to_location_id, to_unit_id, units, reason, occurred_at)
    SELECT g.site_id, g.command_id, g.cause_kind, g.cause_id, g.actor, g.owner_id, g.sku_id,
           g.lot, g.from_condition, g.to_condition, g.from_location_id, g.from_unit_id,
           g.to_location_id, g.to_unit_id, g.units, g.reason, g.occurred_at
      FROM unnest(p_legs) AS g WHERE g.units > 0 ORDER BY g.ord;
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
      lost = b.lost + d.lost, unknown = b.unknown + d.unknown
    FROM unnest(v_balances) AS d
    WHERE b.site_id = d.site_id AND b.owner_id = d.owner_id AND b.sku_id = d.sku_id
      AND b.segment = d.segment
    RETURNING b.site_id, b.owner_id, b.sku_id, b.segment,
      b.sellable - b.reserved - b.allocated - b.safety AS free,
      d.sellable - d.reserved - d.allocated AS change)
  INSERT INTO outbox (topic, key, type, body)
    SELECT 'stock', c.site_id::text, 'StockChanged', jsonb_build_object('site_id', c.site_id,
             'free', jsonb_agg(jsonb_build_array(c.owner_id, c.sku_id, c.segment, c.free)))
      FROM changed c WHERE c.change <> 0 GROUP BY c.site_id ORDER BY c.site_id;
END $$;

-- Units of a SKU that are never promised at a site, and by how many units it may be oversold.
CREATE FUNCTION stock_set_limits(p_site uuid, p_owner uuid, p_sku uuid, p_safety bigint,
                                 p_overdraft bigint)
RETURNS void SECURITY DEFINER SET search_path = public, pg_temp LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO stock_balance AS b (site_id, owner_id, sku_id, segment, safety, overdraft)
    VALUES (p_site, p_owner, p_sku, 'A', p_safety, p_overdraft)
  ON CONFLICT (site_id, owner_id, sku_id, segment)
    DO UPDATE SET safety = excluded.safety, overdraft = excluded.overdraft;
END $$;
