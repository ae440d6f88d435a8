-- Swapping: two demands exchange what they hold (引当振替). The units stay as they are.

-- Of two holds of as many units of the same goods each ends, and has an heir: the same demand, with
-- the other's units, in the other's state and place. So what the counters say of the balance stays
-- true, but for whose the reserved units are. A hold that may yet run out is never exchanged for
-- one that may not: nothing is confirmed by a swap.
CREATE TYPE stock_swapped AS (
  ord int,
  command_id uuid,
  asked uuid,
  site_id uuid,
  hold_id uuid,
  with_id uuid,
  heir_id uuid,
  with_heir_id uuid,
  state text,
  done boolean,
  fault text
);

CREATE FUNCTION stock_swap(p_lines jsonb, p_each boolean, p_now timestamptz)
RETURNS TABLE (ord int, state text, replayed boolean, fault text, wanted bigint, free bigint)
SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  v_now timestamptz;
  v_lines stock_swapped[];
  v_count int;
BEGIN
  -- 1. lock
  PERFORM stock_lock((
    SELECT jsonb_agg(jsonb_build_object('site_id', x.site_id, 'hold_id', n.hold_id))
      FROM jsonb_to_recordset(p_lines) AS x(site_id uuid, hold_id uuid, with_hold_id uuid)
     CROSS JOIN LATERAL (VALUES (x.hold_id), (x.with_hold_id)) AS n(hold_id)), '{}', '{}', '{}');
  v_now := stock_now(p_now);

  -- 2. judge
  SELECT array_agg(ROW(x.ord, x.command_id, x.asked, x.site_id, x.hold_id, x.with_hold_id,
      x.heir_id, x.with_heir_id,
      CASE WHEN c.command_id IS NOT NULL THEN c.state
           WHEN a.state NOT IN ('HELD', 'ALLOCATED', 'PINNED') THEN a.state
           WHEN b.state NOT IN ('HELD', 'ALLOCATED', 'PINNED') THEN b.state
           WHEN a.state = 'HELD' AND a.expires_at <= v_now
             OR b.state = 'HELD' AND b.expires_at <= v_now THEN 'EXPIRED'
           ELSE b.state END,
      c.command_id IS NOT NULL, CASE
        WHEN c.command_id IS NOT NULL THEN CASE WHEN c.asked <> x.asked THEN 'id_reused' END
        WHEN a.id IS NULL OR b.id IS NULL THEN 'not_found'
        WHEN a.state NOT IN ('HELD', 'ALLOCATED', 'PINNED')
          OR b.state NOT IN ('HELD', 'ALLOCATED', 'PINNED')
          OR a.state = 'HELD' AND a.expires_at <= v_now
          OR b.state = 'HELD' AND b.expires_at <= v_now THEN 'wrong_state'
        WHEN a.id = b.id OR a.units <> b.units
          OR (a.owner_id, a.sku_id, a.segment) <> (b.owner_id, b.sku_id, b.segment)
          OR a.state = 'HELD' AND a.expires_at IS NOT NULL AND b.state <> 'HELD'
          OR b.state = 'HELD' AND b.expires_at IS NOT NULL AND a.state <> 'HELD'
          THEN 'not_swappable'
        WHEN x.heir_id = x.with_heir_id OR EXISTS (
          SELECT 1 FROM hold o WHERE o.site_id = x.site_id AND o.id IN (x.heir_id, x.with_heir_id))
          THEN 'id_reused' END)::stock_swapped ORDER BY x.ord)
    INTO v_lines
    FROM jsonb_to_recordset(p_lines) AS x(
      ord int, command_id uuid, asked uuid, site_id uuid, hold_id uuid, with_hold_id uuid,
      heir_id uuid, with_heir_id uuid)
    LEFT JOIN stock_command c ON c.site_id = x.site_id AND c.command_id = x.command_id
    LEFT JOIN hold a ON a.site_id = x.site_id AND a.id = x.hold_id
    LEFT JOIN hold b ON b.site_id = x.site_id AND b.id = x.with_hold_id;
  IF NOT p_each AND EXISTS (SELECT 1 FROM unnest(v_lines) AS s WHERE s.fault IS NOT NULL) THEN
    RETURN QUERY SELECT s.ord, s.state, s.done, s.fault, NULL::bigint, NULL::bigint
                   FROM unnest(v_lines) AS s WHERE s.fault IS NOT NULL;
    RETURN;
  END IF;

  -- 3. the heirs, then the end of those before them
  WITH pair AS (
    SELECT s.ord, s.site_id, s.hold_id AS mine, s.with_id AS other, s.heir_id AS heir
      FROM unnest(v_lines) AS s WHERE NOT s.done AND s.fault IS NULL
    UNION ALL
    SELECT s.ord, s.site_id, s.with_id, s.hold_id, s.with_heir_id
      FROM unnest(v_lines) AS s WHERE NOT s.done AND s.fault IS NULL),
  heir AS (
    INSERT INTO hold (site_id, id, owner_id, sku_id, segment, kind, channel, state, supply_id, units,
                      demand_id, group_id, parent_id, expires_at, location_id, handling_unit_id,
                      lot, created_at, changed_at)
      SELECT m.site_id, p.heir, m.owner_id, m.sku_id, m.segment, m.kind, m.channel, o.state,
             o.supply_id, m.units, m.demand_id, m.group_id, m.id,
             CASE WHEN m.state = 'HELD' THEN m.expires_at END, o.location_id, o.handling_unit_id,
             o.lot, m.created_at, v_now
        FROM pair p
        JOIN hold m ON m.site_id = p.site_id AND m.id = p.mine
        JOIN hold o ON o.site_id = p.site_id AND o.id = p.other
       ORDER BY p.ord
      RETURNING *),
  ended AS (
    UPDATE hold h SET state = 'SWAPPED', location_id = NULL, lot = '', changed_at = v_now,
                      handling_unit_id = '00000000-0000-0000-0000-000000000000'
      FROM pair p WHERE h.site_id = p.site_id AND h.id = p.mine
    RETURNING h.site_id, h.id, h.owner_id, h.sku_id, h.segment),
  part AS (
    SELECT o.site_id, o.owner_id, o.sku_id, o.segment,
           sum(CASE WHEN n.kind = 'CART' THEN n.units ELSE 0 END
             - CASE WHEN o.kind = 'CART' THEN o.units ELSE 0 END) AS cart,
           sum(CASE WHEN n.kind = 'CLICK_RESERVE' THEN n.units ELSE 0 END
             - CASE WHEN o.kind = 'CLICK_RESERVE' THEN o.units ELSE 0 END) AS click_reserve
      FROM pair p
      JOIN hold o ON o.site_id = p.site_id AND o.id = p.other
      JOIN hold n ON n.site_id = p.site_id AND n.id = p.mine
     WHERE o.state = 'HELD' AND o.supply_id IS NULL
     GROUP BY 1, 2, 3, 4),
  changed AS (
    UPDATE stock_balance b
       SET cart = b.cart + d.cart, click_reserve = b.click_reserve + d.click_reserve
      FROM part d
     WHERE (d.cart <> 0 OR d.click_reserve <> 0) AND b.site_id = d.site_id
       AND b.owner_id = d.owner_id AND b.sku_id = d.sku_id AND b.segment = d.segment)
  INSERT INTO outbox (topic, key, type, body, at)
    SELECT 'hold', n.demand_id::text, 'HoldSwapped',
           jsonb_build_object('hold_id', n.parent_id, 'heir_id', n.id, 'site_id', n.site_id,
             'sku_id', n.sku_id, 'units', n.units, 'kind', n.kind, 'demand_id', n.demand_id,
             'state', n.state), v_now
      FROM heir n ORDER BY n.site_id, n.parent_id;
  INSERT INTO stock_command (site_id, command_id, kind, asked, hold_id, state)
    SELECT s.site_id, s.command_id, 'SWAP', s.asked, s.heir_id, s.state FROM unnest(v_lines) AS s
     WHERE NOT s.done AND s.fault IS NULL
    ON CONFLICT (site_id, command_id) DO NOTHING;
  GET DIAGNOSTICS v_count = ROW_COUNT;
  IF v_count <> (SELECT count(*) FROM unnest(v_lines) AS s WHERE NOT s.done AND s.fault IS NULL) THEN
    RAISE EXCEPTION 'a command id is being used by another transaction'
      USING ERRCODE = 'serialization_failure';
  END IF;
  RETURN QUERY SELECT s.ord, s.state, s.done, s.fault, NULL::bigint, NULL::bigint
                 FROM unnest(v_lines) AS s;
END $$;

REVOKE ALL ON FUNCTION stock_swap FROM PUBLIC;
GRANT EXECUTE ON FUNCTION stock_swap TO soko_app;
