-- Promises after they are made: extended; and what is promised before it is there: supply.

-- Where a command names a hold or a supply: what it is about, and what is wrong with it.
CREATE TYPE stock_judged AS (
  ord int,
  command_id uuid,
  asked uuid,
  site_id uuid,
  id uuid,                -- of the hold or supply
  owner_id uuid,
  sku_id uuid,
  segment text,
  state text,
  units bigint,
  at timestamptz,
  done boolean,           -- its command had its effect before
  fault text,
  wanted bigint,
  free bigint
);

-- Remember that commands have had their effect.
CREATE FUNCTION stock_remember(p_kind text, p_lines stock_judged[]) RETURNS void
SET search_path = public, pg_temp LANGUAGE plpgsql AS $$
DECLARE
  v_count int;
BEGIN
  INSERT INTO stock_command (site_id, command_id, kind, asked, hold_id, state)
    SELECT j.site_id, j.command_id, p_kind, j.asked, j.id, j.state FROM unnest(p_lines) AS j
     WHERE NOT j.done AND j.fault IS NULL
    ON CONFLICT (site_id, command_id) DO NOTHING;
  GET DIAGNOSTICS v_count = ROW_COUNT;
  IF v_count <> (SELECT count(*) FROM unnest(p_lines) AS j WHERE NOT j.done AND j.fault IS NULL) THEN
    RAISE EXCEPTION 'a command id is being used by another transaction'
      USING ERRCODE = 'serialization_failure';
  END IF;
END $$;

-- A hold that is still HELD ends later, or sooner. One whose time has run out has ended already.
-- What a command answers and remembers as its state is the time that it set. Times are as far from
-- ours as the caller said that they are from its own.
CREATE FUNCTION stock_extend(p_lines jsonb, p_each boolean, p_now timestamptz)
RETURNS TABLE (ord int, state text, replayed boolean, fault text, wanted bigint, free bigint)
SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  v_now timestamptz;
  v_lines stock_judged[];
BEGIN
  PERFORM stock_lock(p_lines, '{}', '{}', '{}');
  v_now := stock_now(p_now);
  SELECT array_agg(ROW(x.ord, x.command_id, x.asked, x.site_id, x.hold_id, h.owner_id, h.sku_id,
      h.segment, CASE WHEN c.command_id IS NOT NULL THEN c.state
                      WHEN h.state <> 'HELD' THEN h.state
                      WHEN h.expires_at <= v_now THEN 'EXPIRED'
                      ELSE to_json(x.expires_at + (v_now - p_now)) #>> '{}' END,
      h.units, x.expires_at + (v_now - p_now), c.command_id IS NOT NULL, CASE
        WHEN c.command_id IS NOT NULL THEN CASE WHEN c.asked <> x.asked THEN 'id_reused' END
        WHEN h.id IS NULL THEN 'not_found'
        WHEN h.state <> 'HELD' OR h.expires_at <= v_now THEN 'wrong_state' END,
      NULL, NULL)::stock_judged ORDER BY x.ord)
    INTO v_lines
    FROM jsonb_to_recordset(p_lines) AS x(
      ord int, command_id uuid, asked uuid, site_id uuid, hold_id uuid, expires_at timestamptz)
    LEFT JOIN stock_command c ON c.site_id = x.site_id AND c.command_id = x.command_id
    LEFT JOIN hold h ON h.site_id = x.site_id AND h.id = x.hold_id;
  IF p_each OR NOT EXISTS (SELECT 1 FROM unnest(v_lines) AS j WHERE j.fault IS NOT NULL) THEN
    WITH extended AS (
      UPDATE hold h SET expires_at = j.at, changed_at = v_now
        FROM unnest(v_lines) AS j
       WHERE NOT j.done AND j.fault IS NULL AND h.site_id = j.site_id AND h.id = j.id
      RETURNING h.*)
    INSERT INTO outbox (topic, key, type, body, at)
      SELECT 'hold', e.demand_id::text, 'HoldExtended',
             jsonb_build_object('hold_id', e.id, 'site_id', e.site_id, 'sku_id', e.sku_id,
               'units', e.units, 'kind', e.kind, 'demand_id', e.demand_id,
               'expires_at', e.expires_at), v_now
        FROM extended e ORDER BY e.site_id, e.id;
    PERFORM stock_remember('EXTEND', v_lines);
  END IF;
  RETURN QUERY SELECT j.ord, j.state, j.done, j.fault, NULL::bigint, NULL::bigint
                 FROM unnest(v_lines) AS j;
END $$;

-- Units of what is free that one channel may not have; 0: it may have all.
CREATE FUNCTION stock_keep_from(p_site uuid, p_owner uuid, p_sku uuid, p_channel text, p_keep bigint)
RETURNS void SECURITY DEFINER SET search_path = public, pg_temp LANGUAGE sql AS $$
  DELETE FROM channel_buffer WHERE p_keep = 0 AND site_id = p_site AND owner_id = p_owner
    AND sku_id = p_sku AND channel = p_channel;
  INSERT INTO channel_buffer (site_id, owner_id, sku_id, channel, keep)
    SELECT p_site, p_owner, p_sku, p_channel, p_keep WHERE p_keep <> 0
  ON CONFLICT (site_id, owner_id, sku_id, channel) DO UPDATE SET keep = excluded.keep;
$$;

-- Tell what is known of supplies.
CREATE FUNCTION supply_tell(p_site uuid[], p_supply uuid[], p_now timestamptz)
RETURNS void SET search_path = public, pg_temp LANGUAGE sql AS $$
  INSERT INTO outbox (topic, key, type, body, at)
    SELECT 'supply', y.id::text, 'SupplyChanged',
           jsonb_build_object('supply_id', y.id, 'site_id', y.site_id, 'kind', y.kind,
             'owner_id', y.owner_id, 'sku_id', y.sku_id, 'segment', y.segment, 'units', y.units,
             'received', y.received, 'held', y.held, 'eta_p50', y.eta_p50, 'eta_p90', y.eta_p90,
             'confidence', y.confidence, 'state', y.state), p_now
      FROM (SELECT DISTINCT k.s, k.y FROM unnest(p_site, p_supply) AS k(s, y)) AS k
      JOIN supply y ON y.site_id = k.s AND y.id = k.y ORDER BY y.site_id, y.id
$$;

-- Say what is to come, or say it anew: all of it, as it is known now. Never less than what has come
-- and what is promised of it. The balance is made with it, since its lock guards the promises.
CREATE FUNCTION stock_announce(p_lines jsonb, p_now timestamptz)
RETURNS TABLE (ord int, state text, replayed boolean, fault text, wanted bigint, free bigint)
SECURITY DEFINER SET search_path = public, pg_temp LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  v_now timestamptz;
  v_lines stock_judged[];
BEGIN
  INSERT INTO stock_balance (site_id, owner_id, sku_id, segment)
    SELECT DISTINCT x.site_id, x.owner_id, x.sku_id, x.segment
      FROM jsonb_to_recordset(p_lines) AS x(site_id uuid, owner_id uuid, sku_id uuid, segment text)
      JOIN sku k ON k.id = x.sku_id AND k.owner_id = x.owner_id
      JOIN site i ON i.id = x.site_id
     ORDER BY 1, 2, 3, 4
    ON CONFLICT DO NOTHING;
  PERFORM stock_promisable(array_agg(x.site_id), array_agg(x.owner_id), array_agg(x.sku_id),
                           array_agg(x.segment), NULL)
    FROM jsonb_to_recordset(p_lines) AS x(site_id uuid, owner_id uuid, sku_id uuid, segment text);
  v_now := stock_now(p_now);
  SELECT array_agg(ROW(x.ord, NULL, NULL, x.site_id, x.supply_id, x.owner_id, x.sku_id, x.segment,
      y.state, x.units, NULL, false, CASE
        WHEN NOT EXISTS (
          SELECT 1 FROM stock_balance b WHERE b.site_id = x.site_id AND b.owner_id = x.owner_id
             AND b.sku_id = x.sku_id AND b.segment = x.segment) THEN 'not_found'
        WHEN (y.kind, y.owner_id, y.sku_id, y.segment)
          <> (x.kind, x.owner_id, x.sku_id, x.segment) THEN 'id_reused'
        WHEN y.state = 'CLOSED' THEN 'wrong_state'
        WHEN x.units < y.received + y.held THEN 'not_enough_stock' END,
      y.received + y.held, x.units)::stock_judged ORDER BY x.ord)
    INTO v_lines
    FROM jsonb_to_recordset(p_lines) AS x(
      ord int, site_id uuid, supply_id uuid, kind text, owner_id uuid, sku_id uuid, segment text,
      units bigint)
    LEFT JOIN supply y ON y.site_id = x.site_id AND y.id = x.supply_id;
  IF EXISTS (SELECT 1 FROM unnest(v_lines) AS j WHERE j.fault IS NOT NULL) THEN
    RETURN QUERY SELECT j.ord, j.state, false, j.fault, j.wanted, j.free FROM unnest(v_lines) AS j
                  WHERE j.fault IS NOT NULL;
    RETURN;
  END IF;
  INSERT INTO supply AS y (site_id, id, kind, owner_id, sku_id, segment, units, eta_p50, eta_p90,
                           confidence, changed_at)
    SELECT x.site_id, x.supply_id, x.kind, x.owner_id, x.sku_id, x.segment, x.units, x.eta_p50,
           x.eta_p90, x.confidence, v_now
      FROM jsonb_to_recordset(p_lines) AS x(
        site_id uuid, supply_id uuid, kind text, owner_id uuid, sku_id uuid, segment text,
        units bigint, eta_p50 timestamptz, eta_p90 timestamptz, confidence int)
     ORDER BY x.site_id, x.supply_id
  ON CONFLICT (site_id, id) DO UPDATE
    SET units = excluded.units, eta_p50 = excluded.eta_p50, eta_p90 = excluded.eta_p90,
        confidence = excluded.confidence, changed_at = excluded.changed_at
   WHERE (y.owner_id, y.sku_id, y.segment) = (excluded.owner_id, excluded.sku_id, excluded.segment);
  PERFORM supply_tell(array_agg(j.site_id), array_agg(j.id), v_now) FROM unnest(v_lines) AS j;
  RETURN QUERY SELECT j.ord, 'OPEN', false, NULL::text, NULL::bigint, NULL::bigint
                 FROM unnest(v_lines) AS j;
END $$;

-- Nothing more comes of a supply: who waits for it hears so.
CREATE FUNCTION stock_close_supply(p_site uuid, p_supply uuid, p_now timestamptz)
RETURNS SETOF hold SECURITY DEFINER SET search_path = public, pg_temp LANGUAGE plpgsql AS $$
DECLARE
  v_now timestamptz;
BEGIN
  PERFORM stock_promisable(ARRAY[y.site_id], ARRAY[y.owner_id], ARRAY[y.sku_id], ARRAY[y.segment],
                           ARRAY[y.id])
    FROM supply y WHERE y.site_id = p_site AND y.id = p_supply;
  v_now := stock_now(p_now);
  IF NOT EXISTS (SELECT 1 FROM supply y WHERE y.site_id = p_site AND y.id = p_supply
                    AND y.state = 'OPEN') THEN
    RETURN;
  END IF;
  RETURN QUERY
  WITH ended AS (
    UPDATE hold h SET state = 'SHORT', changed_at = v_now
     WHERE h.site_id = p_site AND h.supply_id = p_supply AND h.state = 'HELD'
    RETURNING h.*),
  told AS (
    INSERT INTO outbox (topic, key, type, body, at)
      SELECT 'hold', x.demand_id::text, 'HoldShort',
             jsonb_build_object('hold_id', x.id, 'site_id', x.site_id, 'sku_id', x.sku_id,
               'units', x.units, 'kind', x.kind, 'demand_id', x.demand_id,
               'supply_id', x.supply_id), v_now
        FROM ended x ORDER BY x.created_at, x.id)
  SELECT * FROM ended;
  UPDATE supply SET state = 'CLOSED', held = 0, changed_at = v_now
   WHERE site_id = p_site AND id = p_supply;
  PERFORM supply_tell(ARRAY[p_site], ARRAY[p_supply], v_now);
END $$;

-- Part of a supply has come and is in stock: the oldest holds on it become holds on stock, exactly
-- as many units as have come. The hold at which it ends is parted; its rest waits on, in its place.
CREATE FUNCTION stock_land(p_lines jsonb, p_now timestamptz)
RETURNS TABLE (ord int, state text, replayed boolean, fault text, wanted bigint, free bigint)
SECURITY DEFINER SET search_path = public, pg_temp LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  v_now timestamptz;
  v_site uuid[];
  v_owner uuid[];
  v_sku uuid[];
  v_segment text[];
  v_supply uuid[];
  v_lines stock_judged[];
  v_landed stock_judged[];
BEGIN
  -- 1. lock the balances, then end what is overdue: it waits no more
  SELECT array_agg(y.site_id), array_agg(y.owner_id), array_agg(y.sku_id), array_agg(y.segment),
         array_agg(y.id)
    INTO v_site, v_owner, v_sku, v_segment, v_supply
    FROM jsonb_to_recordset(p_lines) AS x(site_id uuid, supply_id uuid)
    JOIN supply y ON y.site_id = x.site_id AND y.id = x.supply_id;
  PERFORM stock_promisable(v_site, v_owner, v_sku, v_segment, v_supply);
  v_now := stock_now(p_now);
  PERFORM stock_expire_balances(v_site, v_owner, v_sku, v_segment, v_supply, v_now);

  -- 2. judge: promises made are kept even out of the safety stock, but never out of nothing
  SELECT array_agg(ROW(z.ord, z.command_id, z.asked, z.site_id, z.supply_id, z.owner_id, z.sku_id,
      z.segment, z.state, z.units, NULL, z.done, CASE
        WHEN z.done THEN CASE WHEN z.asked_then <> z.asked THEN 'id_reused' END
        WHEN z.state IS NULL THEN 'not_found'
        WHEN z.state = 'CLOSED' THEN 'wrong_state'
        WHEN z.total > z.free THEN 'not_enough_stock' END,
      z.takes, z.free)::stock_judged ORDER BY z.ord)
    INTO v_lines
    FROM (SELECT x.*, c.command_id IS NOT NULL AS done, c.asked AS asked_then, y.owner_id, y.sku_id,
                 y.segment, y.state, least(x.units, y.held) AS takes,
                 sum(CASE WHEN c.command_id IS NULL THEN least(x.units, y.held) ELSE 0 END)
                   OVER (PARTITION BY y.site_id, y.owner_id, y.sku_id, y.segment) AS total,
                 b.sellable - b.reserved - b.allocated + b.overdraft AS free
            FROM jsonb_to_recordset(p_lines) AS x(
              ord int, command_id uuid, asked uuid, site_id uuid, supply_id uuid, units bigint)
            LEFT JOIN stock_command c ON c.site_id = x.site_id AND c.command_id = x.command_id
            LEFT JOIN supply y ON y.site_id = x.site_id AND y.id = x.supply_id
            LEFT JOIN stock_balance b ON b.site_id = y.site_id AND b.owner_id = y.owner_id
             AND b.sku_id = y.sku_id AND b.segment = y.segment) AS z;
  IF EXISTS (SELECT 1 FROM unnest(v_lines) AS j WHERE j.fault IS NOT NULL) THEN
    RETURN QUERY SELECT j.ord, j.state, false, j.fault, j.wanted, j.free FROM unnest(v_lines) AS j
                  WHERE j.fault IS NOT NULL;
    RETURN;
  END IF;

  -- 3. which holds land, the oldest first, and with how many units
  SELECT array_agg(ROW(q.ord, q.command_id, NULL, q.site_id, q.id, q.owner_id, q.sku_id, q.segment,
      q.kind, least(q.units, q.arrived - q.before), q.created_at, false, NULL, q.units, NULL
      )::stock_judged)
    INTO v_landed
    FROM (SELECT j.ord, j.command_id, j.units AS arrived, h.site_id, h.id, h.owner_id, h.sku_id,
                 h.segment, h.kind, h.units, h.created_at,
                 sum(h.units) OVER (PARTITION BY j.ord ORDER BY h.created_at, h.id) - h.units
                   AS before
            FROM unnest(v_lines) AS j
            JOIN hold h ON h.site_id = j.site_id AND h.supply_id = j.id AND h.state = 'HELD'
           WHERE NOT j.done) AS q
   WHERE q.before < q.arrived;

  -- 4. write; the rest of a parted hold first, because it is made of the hold as it was
  INSERT INTO hold (site_id, id, owner_id, sku_id, segment, kind, channel, state, supply_id, units,
                    demand_id, group_id, parent_id, expires_at, created_at, changed_at)
    SELECT h.site_id, md5(h.id::text || l.command_id::text)::uuid, h.owner_id, h.sku_id, h.segment,
           h.kind, h.channel, 'HELD', h.supply_id, l.wanted - l.units, h.demand_id, h.group_id, h.id,
           h.expires_at, h.created_at, v_now
      FROM unnest(v_landed) AS l JOIN hold h ON h.site_id = l.site_id AND h.id = l.id
     WHERE l.units < l.wanted;
  WITH landed AS (
    UPDATE hold h SET supply_id = NULL, units = l.units, changed_at = v_now
      FROM unnest(v_landed) AS l WHERE h.site_id = l.site_id AND h.id = l.id
    RETURNING h.*)
  INSERT INTO outbox (topic, key, type, body, at)
    SELECT 'hold', x.demand_id::text, 'HoldLanded',
           jsonb_build_object('hold_id', x.id, 'site_id', x.site_id, 'sku_id', x.sku_id,
             'units', x.units, 'kind', x.kind, 'demand_id', x.demand_id), v_now
      FROM landed x ORDER BY x.site_id, x.created_at, x.id;
  UPDATE supply y
     SET received = y.received + j.units, held = y.held - n.units,
         units = greatest(y.units, y.received + j.units + y.held - n.units), changed_at = v_now,
         state = CASE WHEN y.received + j.units >= y.units THEN 'CLOSED' ELSE 'OPEN' END
    FROM unnest(v_lines) AS j
    CROSS JOIN LATERAL (SELECT coalesce(sum(l.units), 0) AS units FROM unnest(v_landed) AS l
                         WHERE l.ord = j.ord) AS n
   WHERE NOT j.done AND y.site_id = j.site_id AND y.id = j.id;
  WITH changed AS (
    UPDATE stock_balance b
       SET reserved = b.reserved + d.units, cart = b.cart + d.cart,
           click_reserve = b.click_reserve + d.click_reserve
      FROM (SELECT l.site_id, l.owner_id, l.sku_id, l.segment, sum(l.units) AS units,
                   coalesce(sum(l.units) FILTER (WHERE l.state = 'CART'), 0) AS cart,
                   coalesce(sum(l.units) FILTER (WHERE l.state = 'CLICK_RESERVE'), 0)
                     AS click_reserve
              FROM unnest(v_landed) AS l GROUP BY 1, 2, 3, 4) AS d
     WHERE b.site_id = d.site_id AND b.owner_id = d.owner_id AND b.sku_id = d.sku_id
       AND b.segment = d.segment
    RETURNING b.site_id, b.owner_id, b.sku_id, b.segment,
      b.sellable - b.blocked - b.reserved - b.allocated - b.safety AS free)
  INSERT INTO outbox (topic, key, type, body, at)
    SELECT 'stock', c.site_id::text, 'StockChanged', jsonb_build_object('site_id', c.site_id,
             'free', jsonb_agg(jsonb_build_array(c.owner_id, c.sku_id, c.segment, c.free))), v_now
      FROM changed c GROUP BY c.site_id ORDER BY c.site_id;
  PERFORM stock_remember('LAND', v_lines);
  PERFORM supply_tell(array_agg(j.site_id), array_agg(j.id), v_now)
     FROM unnest(v_lines) AS j WHERE NOT j.done;
  RETURN QUERY SELECT j.ord, j.state, j.done, NULL::text, j.wanted, NULL::bigint
                 FROM unnest(v_lines) AS j;
END $$;

REVOKE ALL ON FUNCTION stock_remember, supply_tell, stock_promisable, stock_expire_balances
  FROM PUBLIC;
REVOKE ALL ON FUNCTION stock_extend, stock_keep_from, stock_announce, stock_close_supply, stock_land
  FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
  stock_extend, stock_keep_from, stock_announce, stock_close_supply, stock_land TO soko_app;
