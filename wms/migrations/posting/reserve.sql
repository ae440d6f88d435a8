-- Reserving: exact first come, first served, in sets.
--
-- A call names every balance once, in the lists p_site to p_supply; a line names its balance by its
-- place in those lists. So the wide keys are compared once a balance, and the lines are counted,
-- sorted and decided by small numbers. With a supply, the "balance" is what is still to come of it.
-- A party is lines that are granted together or not at all, known by the place of its first line.
-- Twins are lines with the same id that ask for different things, known by the place of the first.
-- All other lines have an id of their own.
--
-- The lock of a balance guards all holds and supplies of its key, so nothing else is ever locked.

-- What remains after a line, where a line is granted if what remained before it is enough.
-- A prefix sum would be wrong: stock 10 and lines 6, 5, 4 give yes, no, yes.
CREATE OR REPLACE FUNCTION stock_take_next(p_left bigint, p_units bigint, p_free bigint)
RETURNS bigint IMMUTABLE LANGUAGE sql RETURN
  CASE WHEN p_units <= coalesce(p_left, p_free) THEN coalesce(p_left, p_free) - p_units
       ELSE coalesce(p_left, p_free) END;
CREATE OR REPLACE AGGREGATE stock_take(p_units bigint, p_free bigint)
  (SFUNC = stock_take_next, STYPE = bigint);

-- Lock balances. By number: how many units may be promised of it, or of that supply; how many of them
-- would overdraw it, or -1 where there is no such balance or supply; and where its row is. And when
-- the first of them counts a lot as sellable for too long (lots.sql).
--
-- Each row is looked up by its key, whatever the planner knows or believes of the tables' sizes: plans
-- are kept for as long as a connection lives, and tables grow under them.
CREATE FUNCTION stock_promisable(
  p_site uuid[], p_owner uuid[], p_sku uuid[], p_segment text[], p_supply uuid[],
  OUT can bigint[], OUT overdraft bigint[], OUT row_at tid[], OUT stops_at timestamptz)
SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off
LANGUAGE plpgsql AS $$
DECLARE
  v_count int := cardinality(p_site);
  v_no bigint[];
  v_can bigint[];
  v_overdraft bigint[];
  v_row_at tid[];
  r record;
BEGIN
  -- The locks are taken in the order of `k`. A row that we waited for is read as its last holder
  -- left it: locking reads the newest version.
  SELECT array_agg(m.no ORDER BY m.no), array_agg(m.can ORDER BY m.no),
         array_agg(m.overdraft ORDER BY m.no), array_agg(m.ctid ORDER BY m.no), min(m.stops_at)
    INTO v_no, can, overdraft, row_at, stops_at
    FROM (SELECT k.no, CASE WHEN k.supply IS NULL THEN b.can ELSE 0 END AS can,
                 CASE WHEN k.supply IS NULL THEN b.overdraft ELSE -1 END AS overdraft, b.ctid,
                 b.stops_at
            FROM (SELECT * FROM unnest(p_site, p_owner, p_sku, p_segment, p_supply)
                    WITH ORDINALITY AS u(site, owner, sku, segment, supply, no)
                   ORDER BY u.site, u.owner, u.sku, u.segment) AS k
           CROSS JOIN LATERAL (
             SELECT b.ctid, b.overdraft, b.stops_at,
                    b.sellable - b.blocked - b.reserved - b.allocated - b.safety + b.overdraft AS can
               FROM stock_balance b
              WHERE b.site_id = k.site AND b.owner_id = k.owner AND b.sku_id = k.sku
                AND b.segment = k.segment
                FOR NO KEY UPDATE) AS b) AS m;
  IF coalesce(cardinality(v_no), 0) < v_count THEN
    v_can := can;
    v_overdraft := overdraft;
    v_row_at := row_at;
    can := array_fill(0::bigint, ARRAY[v_count]);
    overdraft := array_fill(-1::bigint, ARRAY[v_count]);
    row_at := array_fill('(0,0)'::tid, ARRAY[v_count]);
    FOR i IN 1 .. coalesce(cardinality(v_no), 0) LOOP
      can[v_no[i]] := v_can[i];
      overdraft[v_no[i]] := v_overdraft[i];
      row_at[v_no[i]] := v_row_at[i];
    END LOOP;
  END IF;
  IF p_supply IS NOT NULL THEN
    FOR r IN
      SELECT k.no, y.left
        FROM unnest(p_site, p_owner, p_sku, p_segment, p_supply)
          WITH ORDINALITY AS k(site, owner, sku, segment, supply, no)
       CROSS JOIN LATERAL (
         SELECT CASE y.state WHEN 'OPEN' THEN y.units - y.received - y.held ELSE 0 END AS left
           FROM supply y
          WHERE y.site_id = k.site AND y.id = k.supply AND y.owner_id = k.owner
            AND y.sku_id = k.sku AND y.segment = k.segment OFFSET 0) AS y
    LOOP
      can[r.no] := r.left;
      overdraft[r.no] := 0;
    END LOOP;
  END IF;
END $$;

-- End the overdue holds of balances and supplies that the caller has locked.
CREATE FUNCTION stock_expire_balances(p_site uuid[], p_owner uuid[], p_sku uuid[], p_segment text[],
                                    p_supply uuid[], p_now timestamptz)
RETURNS SETOF hold
SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off
LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY
  WITH dead AS (
    UPDATE hold h SET state = 'EXPIRED', changed_at = p_now
      FROM (SELECT DISTINCT x.row_at
              FROM unnest(p_site, p_owner, p_sku, p_segment, p_supply)
                AS u(site, owner, sku, segment, supply)
             CROSS JOIN LATERAL (
               SELECT h.ctid AS row_at FROM hold h
                WHERE h.site_id = u.site AND h.owner_id = u.owner AND h.sku_id = u.sku
                  AND h.segment = u.segment AND h.supply_id IS NOT DISTINCT FROM u.supply
                  AND h.state = 'HELD' AND h.expires_at <= p_now OFFSET 0) AS x) AS d
     WHERE h.ctid = d.row_at
    RETURNING h.*),
  sums AS (
    SELECT x.site_id, x.owner_id, x.sku_id, x.segment, x.supply_id, sum(x.units) AS units,
           coalesce(sum(x.units) FILTER (WHERE x.kind = 'CART'), 0) AS cart,
           coalesce(sum(x.units) FILTER (WHERE x.kind = 'CLICK_RESERVE'), 0) AS click_reserve
      FROM dead x GROUP BY 1, 2, 3, 4, 5),
  changed AS (
    UPDATE stock_balance b
       SET reserved = b.reserved - d.units, cart = b.cart - d.cart,
           click_reserve = b.click_reserve - d.click_reserve
      FROM sums AS d
     WHERE d.supply_id IS NULL AND b.site_id = d.site_id AND b.owner_id = d.owner_id
       AND b.sku_id = d.sku_id AND b.segment = d.segment
    RETURNING b.site_id, b.owner_id, b.sku_id, b.segment,
      b.sellable - b.blocked - b.reserved - b.allocated - b.safety AS free),
  given_back AS (
    UPDATE supply y SET held = y.held - d.units, changed_at = p_now
      FROM sums AS d WHERE y.site_id = d.site_id AND y.id = d.supply_id),
  told AS (
    INSERT INTO outbox (topic, key, type, body, at)
      SELECT 'hold', x.demand_id::text, 'HoldExpired',
             jsonb_build_object('hold_id', x.id, 'site_id', x.site_id, 'sku_id', x.sku_id,
               'units', x.units, 'kind', x.kind, 'demand_id', x.demand_id), p_now
        FROM dead x ORDER BY x.site_id, x.id),
  told_free AS (
    INSERT INTO outbox (topic, key, type, body, at)
      SELECT 'stock', c.site_id::text, 'StockChanged', jsonb_build_object('site_id', c.site_id,
               'free', jsonb_agg(jsonb_build_array(c.owner_id, c.sku_id, c.segment, c.free))),
             p_now
        FROM changed c GROUP BY c.site_id)
  SELECT * FROM dead;
END $$;

-- The sweeper: end the overdue holds, those first whose time ran out first.
CREATE FUNCTION stock_expire(p_now timestamptz, p_limit int)
RETURNS SETOF hold SECURITY DEFINER SET search_path = public, pg_temp LANGUAGE plpgsql AS $$
DECLARE
  v_now timestamptz := stock_now(p_now);
  v_site uuid[];
  v_owner uuid[];
  v_sku uuid[];
  v_segment text[];
  v_supply uuid[];
BEGIN
  SELECT array_agg(o.site_id), array_agg(o.owner_id), array_agg(o.sku_id), array_agg(o.segment),
         array_agg(o.supply_id)
    INTO v_site, v_owner, v_sku, v_segment, v_supply
    FROM (SELECT DISTINCT d.site_id, d.owner_id, d.sku_id, d.segment, d.supply_id
            FROM (SELECT * FROM hold h WHERE h.state = 'HELD' AND h.expires_at <= v_now
                   ORDER BY h.expires_at LIMIT p_limit) AS d) AS o;
  IF v_site IS NULL THEN RETURN; END IF;
  PERFORM stock_promisable(v_site, v_owner, v_sku, v_segment, v_supply);
  RETURN QUERY
    SELECT * FROM stock_expire_balances(v_site, v_owner, v_sku, v_segment, v_supply, v_now);
END $$;

CREATE FUNCTION stock_reserve(
  p_site uuid[], p_owner uuid[], p_sku uuid[], p_segment text[], p_supply uuid[],  -- balances
  p_balance int[], p_hold uuid[], p_units bigint[], p_kind text[], p_state text[],  -- lines
  p_demand uuid[], p_asked uuid[],
  p_channel text[], p_group uuid[], p_party int[], p_expires timestamptz[],  -- null: none has one
  p_refused int[], p_twin int[], p_each boolean, p_now timestamptz,
  OUT granted boolean[], OUT free bigint[], OUT fault text[])
SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off
LANGUAGE plpgsql AS $$
DECLARE
  v_lines int := cardinality(p_hold);
  v_now timestamptz;
  v_can bigint[];       -- by balance: units that may be promised
  v_overdraft bigint[];
  v_row_at tid[];
  v_stops_at timestamptz;
  v_scarce boolean[];
  v_short int[];
  v_left bigint[];
  v_keep bigint[];      -- by line: units that its channel may not have
  v_new boolean[] := array_fill(true, ARRAY[v_lines]);  -- by line: not posted before, nothing wrong
  v_shut boolean[] := array_fill(false, ARRAY[v_lines]);  -- by party: refused
  v_taken_id boolean[] := array_fill(false, ARRAY[v_lines]);  -- by twin: one of them has the id
  v_known bigint;
  v_party int := 0;
  v_fits boolean;
  v_taken int[];
  v_ord int;
  v_fresh bigint;
  v_inserted bigint;
  v_balances bigint;
  v_changed bigint;
  r record;
BEGIN
  -- 1. lock, in the order of keys
  SELECT * INTO v_can, v_overdraft, v_row_at, v_stops_at
    FROM stock_promisable(p_site, p_owner, p_sku, p_segment, p_supply);
  v_now := stock_now(p_now);
  IF v_stops_at <= v_now THEN  -- the day of a lot is over
    PERFORM stock_judge_lots(p_site, p_owner, p_sku, p_segment, v_now);
    SELECT * INTO v_can, v_overdraft, v_row_at
      FROM stock_promisable(p_site, p_owner, p_sku, p_segment, p_supply);
  END IF;

  -- 2. every statement from here on sees what the holders of those locks before us committed
  SELECT count((SELECT x.state FROM hold x WHERE x.site_id = p_site[u.b] AND x.id = u.h))
    INTO v_known FROM unnest(p_balance, p_hold) AS u(b, h);
  IF v_known > 0 OR -1 = ANY (v_overdraft) OR p_refused IS NOT NULL OR p_twin IS NOT NULL THEN
    granted := array_fill(false, ARRAY[v_lines]);
    free := array_fill(0::bigint, ARRAY[v_lines]);
    FOR r IN
      SELECT u.ord::int AS ord, coalesce(u.party, u.ord::int) AS party, x.state, x.free_then, u.twin,
        CASE WHEN x.id IS NULL AND v_overdraft[u.b] = -1
               AND (k.supply IS NOT NULL
                    OR NOT EXISTS (SELECT 1 FROM site s WHERE s.id = k.site)
                    OR NOT EXISTS (SELECT 1 FROM sku c WHERE c.id = k.sku AND c.owner_id = k.owner))
             THEN 'not_found'
             WHEN x.id IS NOT NULL AND x.asked IS DISTINCT FROM u.asked THEN 'id_reused' END AS fault
        FROM unnest(p_balance, p_hold, p_asked, p_party, p_twin)
          WITH ORDINALITY AS u(b, h, asked, party, twin, ord)
       CROSS JOIN LATERAL (SELECT p_site[u.b] AS site, p_owner[u.b] AS owner, p_sku[u.b] AS sku,
                                  p_supply[u.b] AS supply) AS k
        LEFT JOIN LATERAL (
          SELECT * FROM hold x WHERE x.site_id = k.site AND x.id = u.h OFFSET 0) AS x ON true
       WHERE x.id IS NOT NULL OR v_overdraft[u.b] = -1 OR u.twin > 0
       ORDER BY u.ord
    LOOP
      IF r.twin > 0 AND r.fault IS NULL AND r.state IS NULL THEN
        r.fault := CASE WHEN v_taken_id[r.twin] THEN 'id_reused' END;
        v_taken_id[r.twin] := true;
      END IF;
      IF r.fault IS NOT NULL THEN
        fault := coalesce(fault, array_fill(NULL::text, ARRAY[v_lines]));
        fault[r.ord] := r.fault;
      ELSIF r.state IS NOT NULL THEN
        granted[r.ord] := r.state <> 'REFUSED';
        free[r.ord] := r.free_then;
      END IF;
      v_new[r.ord] := r.fault IS NULL AND r.state IS NULL;
      v_shut[r.party] := v_shut[r.party] OR r.fault IS NOT NULL OR coalesce(r.state = 'REFUSED', false);
    END LOOP;
    IF fault IS NOT NULL AND NOT p_each THEN
      granted := NULL;
      RETURN;
    END IF;
    FOREACH v_party IN ARRAY coalesce(p_refused, '{}') LOOP
      v_shut[v_party] := true;
    END LOOP;
  END IF;
  IF p_channel IS NOT NULL THEN
    SELECT array_agg(coalesce(CASE WHEN u.channel <> '' THEN (
             SELECT c.keep FROM channel_buffer c
              WHERE c.site_id = p_site[u.b] AND c.owner_id = p_owner[u.b] AND c.sku_id = p_sku[u.b]
                AND c.channel = u.channel) END, 0) ORDER BY u.ord)
      INTO v_keep FROM unnest(p_balance, p_channel) WITH ORDINALITY AS u(b, channel, ord);
  END IF;

  -- 3. where the lines want more than there is, first end the holds whose time has run out
  SELECT array_agg(t.b) INTO v_short
    FROM (SELECT u.b, sum(u.q) + coalesce(max(u.keep), 0) AS wanted
            FROM unnest(p_balance, p_units, v_keep, v_new) AS u(b, q, keep, new)
           WHERE u.new GROUP BY u.b) AS t
   WHERE t.wanted > v_can[t.b];
  IF v_short IS NOT NULL THEN
    PERFORM 1 FROM stock_expire_balances(
      (SELECT array_agg(p_site[b]) FROM unnest(v_short) AS b),
      (SELECT array_agg(p_owner[b]) FROM unnest(v_short) AS b),
      (SELECT array_agg(p_sku[b]) FROM unnest(v_short) AS b),
      (SELECT array_agg(p_segment[b]) FROM unnest(v_short) AS b),
      (SELECT array_agg(p_supply[b]) FROM unnest(v_short) AS b), v_now);
    IF FOUND THEN
      SELECT * INTO v_can, v_overdraft, v_row_at
        FROM stock_promisable(p_site, p_owner, p_sku, p_segment, p_supply);
    END IF;

    -- 4. then who comes first is served first, one after the other; a party together or not at all.
    -- Lines that want nothing scarce are granted whatever the others get.
    v_left := v_can;
    v_scarce := array_fill(false, ARRAY[cardinality(p_site)]);
    FOR i IN 1 .. cardinality(v_short) LOOP
      v_scarce[v_short[i]] := true;
    END LOOP;
    v_party := 0;
    FOR r IN
      SELECT z.*, lead(z.party) OVER (ORDER BY z.party, z.ord) IS DISTINCT FROM z.party AS last
        FROM (SELECT u.b, u.q, coalesce(u.keep, 0) AS keep, coalesce(u.party, u.ord::int) AS party, u.ord
                FROM unnest(p_balance, p_units, v_keep, v_new, p_party)
                  WITH ORDINALITY AS u(b, q, keep, new, party, ord)
               WHERE u.new AND v_scarce[u.b]) AS z
       WHERE NOT v_shut[z.party]
       ORDER BY z.party, z.ord
    LOOP
      IF r.party <> v_party THEN
        v_party := r.party;
        v_fits := true;
        v_taken := NULL;
      END IF;
      v_fits := v_fits AND r.q <= v_left[r.b] - r.keep;
      IF v_fits THEN
        v_left[r.b] := v_left[r.b] - r.q;
        IF NOT r.last THEN
          v_taken := v_taken || r.ord::int;
        END IF;
      ELSIF r.last THEN
        v_shut[v_party] := true;
        FOREACH v_ord IN ARRAY coalesce(v_taken, '{}') LOOP
          v_left[p_balance[v_ord]] := v_left[p_balance[v_ord]] + p_units[v_ord];
        END LOOP;
      END IF;
    END LOOP;
  END IF;

  -- 5. write; what is counted is what was inserted, or all of it is undone
  WITH line AS (
    SELECT u.*, u.new AND NOT v_shut[coalesce(u.party, u.ord::int)] AS yes
      FROM unnest(p_balance, p_hold, p_units, p_kind, p_state, p_demand, p_asked, p_channel, p_group,
                  p_party, p_expires, v_new)
        WITH ORDINALITY AS u(b, h, q, kind, state, demand, asked, channel, g, party, expires, new, ord)),
  answered AS (
    SELECT l.*, v_can[l.b] - greatest(v_overdraft[l.b], 0)
             - sum(CASE WHEN l.yes THEN l.q ELSE 0 END) OVER (PARTITION BY l.b ORDER BY l.ord)
             AS free_then
      FROM line l),
  inserted AS (
    INSERT INTO hold (site_id, id, owner_id, sku_id, segment, kind, channel, state, supply_id, units,
                      demand_id, group_id, asked, free_then, expires_at, created_at, changed_at)
      SELECT p_site[a.b], a.h, p_owner[a.b], p_sku[a.b], p_segment[a.b], a.kind,
             coalesce(a.channel, ''), CASE WHEN a.yes THEN a.state ELSE 'REFUSED' END, p_supply[a.b],
             a.q, a.demand, a.g, a.asked, a.free_then, a.expires + (v_now - p_now),
             -- who waits for supply waits in the order of asking, also within one call
             CASE WHEN p_supply IS NULL THEN v_now ELSE v_now + a.ord * interval '1 microsecond' END,
             v_now
        FROM answered a WHERE a.new
      ON CONFLICT (site_id, id) DO NOTHING
      RETURNING 1),
  taken AS (
    SELECT a.b, p_supply[a.b] AS supply_id,
           coalesce(sum(a.q) FILTER (WHERE a.state = 'HELD'), 0) AS reserved,
           coalesce(sum(a.q) FILTER (WHERE a.state = 'HELD' AND a.kind = 'CART'), 0) AS cart,
           coalesce(sum(a.q) FILTER (WHERE a.state = 'HELD' AND a.kind = 'CLICK_RESERVE'), 0)
             AS click_reserve,
           coalesce(sum(a.q) FILTER (WHERE a.state = 'ALLOCATED'), 0) AS allocated
      FROM answered a WHERE a.yes GROUP BY a.b),
  changed AS (
    UPDATE stock_balance b
       SET reserved = b.reserved + d.reserved, cart = b.cart + d.cart,
           click_reserve = b.click_reserve + d.click_reserve, allocated = b.allocated + d.allocated
      FROM taken AS d
     WHERE d.supply_id IS NULL AND b.ctid = v_row_at[d.b]
       AND (b.sku_id = p_sku[d.b] AND b.site_id = p_site[d.b]) IS TRUE
    RETURNING b.site_id, b.owner_id, b.sku_id, b.segment,
      b.sellable - b.blocked - b.reserved - b.allocated - b.safety AS free),
  booked AS (
    UPDATE supply y SET held = y.held + d.reserved, changed_at = v_now
      FROM taken AS d
     WHERE y.site_id = p_site[d.b] AND y.id = d.supply_id
    RETURNING y.id),
  told AS (
    INSERT INTO outbox (topic, key, type, body, at)
      SELECT 'stock', c.site_id::text, 'StockChanged', jsonb_build_object('site_id', c.site_id,
               'free', jsonb_agg(jsonb_build_array(c.owner_id, c.sku_id, c.segment, c.free))),
             v_now
        FROM changed c GROUP BY c.site_id ORDER BY c.site_id)
  SELECT array_agg(CASE WHEN a.new THEN a.yes ELSE granted[a.ord] END ORDER BY a.ord),
         array_agg(CASE WHEN a.new THEN a.free_then ELSE free[a.ord] END ORDER BY a.ord),
         count(*) FILTER (WHERE a.new), (SELECT count(*) FROM inserted),
         (SELECT count(*) FROM taken),
         (SELECT count(*) FROM changed) + (SELECT count(*) FROM booked)
    INTO granted, free, v_fresh, v_inserted, v_balances, v_changed
    FROM answered a;
  IF v_fresh <> v_inserted OR v_balances <> v_changed THEN
    RAISE EXCEPTION 'a hold id is being used by another transaction, or a balance is named twice'
      USING ERRCODE = 'serialization_failure';
  END IF;
END $$;
