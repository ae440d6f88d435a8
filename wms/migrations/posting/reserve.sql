-- Reserving: exact first come, first served, in sets.

-- What remains after a line, where a line is granted if what remained before it is enough.
-- A prefix sum would be wrong: stock 10 and lines 6, 5, 4 give yes, no, yes.
CREATE FUNCTION stock_take_next(p_left bigint, p_units bigint, p_free bigint) RETURNS bigint
IMMUTABLE LANGUAGE sql RETURN
  CASE WHEN p_units <= coalesce(p_left, p_free) THEN coalesce(p_left, p_free) - p_units
       ELSE coalesce(p_left, p_free) END;
CREATE AGGREGATE stock_take(p_units bigint, p_free bigint)
  (SFUNC = stock_take_next, STYPE = bigint);

-- End the overdue holds of balances that the caller has locked.
CREATE FUNCTION stock_expire_balances(p_site uuid[], p_owner uuid[], p_sku uuid[],
                                      p_now timestamptz)
RETURNS SETOF hold SET search_path = public, pg_temp LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY
  WITH dead AS (
    UPDATE hold h SET state = 'EXPIRED', changed_at = p_now
      FROM (SELECT DISTINCT k.s, k.o, k.k FROM unnest(p_site, p_owner, p_sku) AS k(s, o, k)) AS u
     WHERE h.site_id = u.s AND h.owner_id = u.o AND h.sku_id = u.k
       AND h.state = 'HELD' AND h.expires_at <= p_now
    RETURNING h.*),
  changed AS (
    UPDATE stock_balance b
       SET reserved = b.reserved - d.units, cart = b.cart - d.cart,
           click_reserve = b.click_reserve - d.click_reserve
      FROM (SELECT x.site_id, x.owner_id, x.sku_id, x.segment, sum(x.units) AS units,
                   coalesce(sum(x.units) FILTER (WHERE x.kind = 'CART'), 0) AS cart,
                   coalesce(sum(x.units) FILTER (WHERE x.kind = 'CLICK_RESERVE'), 0)
                     AS click_reserve
              FROM dead x GROUP BY 1, 2, 3, 4) AS d
     WHERE b.site_id = d.site_id AND b.owner_id = d.owner_id AND b.sku_id = d.sku_id
       AND b.segment = d.segment
    RETURNING b.site_id, b.owner_id, b.sku_id, b.segment,
      b.sellable - b.reserved - b.allocated - b.safety AS free),
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
  v_site uuid[];
  v_owner uuid[];
  v_sku uuid[];
BEGIN
  SELECT array_agg(o.site_id), array_agg(o.owner_id), array_agg(o.sku_id)
    INTO v_site, v_owner, v_sku
    FROM (SELECT h.site_id, h.owner_id, h.sku_id FROM hold h
           WHERE h.state = 'HELD' AND h.expires_at <= p_now
           ORDER BY h.expires_at LIMIT p_limit) AS o;
  PERFORM stock_lock('[]', v_site, v_owner, v_sku);
  RETURN QUERY SELECT * FROM stock_expire_balances(v_site, v_owner, v_sku, p_now);
END $$;

CREATE FUNCTION stock_reserve(
  p_hold uuid[], p_site uuid[], p_owner uuid[], p_sku uuid[], p_units bigint[], p_kind text[],
  p_state text[], p_demand uuid[], p_group uuid[], p_expires timestamptz[], p_asked uuid[],
  p_now timestamptz)
RETURNS TABLE (ord bigint, granted boolean, free bigint, fault text)
SECURITY DEFINER SET search_path = public, pg_temp LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  v_site uuid[];      -- the balances that we have locked
  v_owner uuid[];
  v_sku uuid[];
  v_short_site uuid[];
  v_short_owner uuid[];
  v_short_sku uuid[];
  v_left bigint[];
  v_denied uuid[] := '{}';
  v_fits boolean;
  v_fresh bigint;
  v_inserted bigint;
  r record;
BEGIN
  -- 1. lock, in the order of keys
  SELECT array_agg(b.site_id), array_agg(b.owner_id), array_agg(b.sku_id)
    INTO v_site, v_owner, v_sku
    FROM (SELECT b.site_id, b.owner_id, b.sku_id FROM stock_balance b
           WHERE (b.site_id, b.owner_id, b.sku_id, b.segment) IN (
             SELECT u.s, u.o, u.k, 'A' FROM unnest(p_site, p_owner, p_sku) AS u(s, o, k))
           ORDER BY b.site_id, b.owner_id, b.sku_id, b.segment
           FOR NO KEY UPDATE) AS b;

  -- 2. every statement from here on sees what the holders of those locks before us committed
  RETURN QUERY
    SELECT u.ord, false, 0::bigint, 'id_reused'
      FROM unnest(p_site, p_hold, p_asked) WITH ORDINALITY AS u(s, h, asked, ord)
      JOIN hold x ON x.site_id = u.s AND x.id = u.h
     WHERE x.asked IS DISTINCT FROM u.asked ORDER BY u.ord LIMIT 1;
  IF FOUND THEN RETURN; END IF;

  -- 3. where stock is short, first end the holds whose time has run out
  SELECT array_agg(t.s), array_agg(t.o), array_agg(t.k)
    INTO v_short_site, v_short_owner, v_short_sku
    FROM (SELECT u.s, u.o, u.k, sum(u.q) AS total
            FROM unnest(p_site, p_owner, p_sku, p_hold, p_units) AS u(s, o, k, h, q)
           WHERE NOT EXISTS (SELECT 1 FROM hold x WHERE x.site_id = u.s AND x.id = u.h)
           GROUP BY u.s, u.o, u.k) AS t
    LEFT JOIN stock_balance b ON b.site_id = t.s AND b.owner_id = t.o AND b.sku_id = t.k
     AND b.segment = 'A'
   WHERE t.total
         > coalesce(b.sellable - b.reserved - b.allocated - b.safety + b.overdraft, 0);
  IF v_short_site IS NOT NULL THEN
    PERFORM 1 FROM stock_expire_balances(v_short_site, v_short_owner, v_short_sku, p_now);
    -- 4. groups of several lines that want something short: one after the other
    FOR r IN
      WITH fresh AS (
        SELECT DISTINCT ON (u.s, u.h) u.*, coalesce(u.g, u.h) AS grp
          FROM unnest(p_site, p_owner, p_sku, p_hold, p_units, p_group)
            WITH ORDINALITY AS u(s, o, k, h, q, g, ord)
         WHERE NOT EXISTS (SELECT 1 FROM hold x WHERE x.site_id = u.s AND x.id = u.h)
         ORDER BY u.s, u.h, u.ord),
      sized AS (
        SELECT f.*, count(*) OVER (PARTITION BY f.grp) AS lines,
               min(f.ord) OVER (PARTITION BY f.grp) AS first FROM fresh f),
      scarce AS (
        SELECT t.s, t.o, t.k, coalesce(t.free, 0) AS free,
               row_number() OVER (ORDER BY t.s, t.o, t.k) AS no
          FROM (SELECT z.s, z.o, z.k, sum(z.q) AS total, bool_or(z.lines > 1) AS grouped,
                       min(b.sellable - b.reserved - b.allocated - b.safety + b.overdraft) AS free
                  FROM sized z
                  LEFT JOIN (unnest(v_site, v_owner, v_sku) AS m(s, o, k)
                             JOIN stock_balance b ON b.site_id = m.s AND b.owner_id = m.o
                              AND b.sku_id = m.k AND b.segment = 'A')
                    ON m.s = z.s AND m.o = z.o AND m.k = z.k
                 GROUP BY z.s, z.o, z.k) AS t
         WHERE t.grouped AND t.total > coalesce(t.free, 0))
      SELECT z.grp, z.first, array_agg(c.no) AS nos, array_agg(z.q) AS units,
             (SELECT array_agg(a.free ORDER BY a.no) FROM scarce a) AS free
        FROM sized z JOIN scarce c ON c.s = z.s AND c.o = z.o AND c.k = z.k
       GROUP BY z.grp, z.first ORDER BY z.first
    LOOP
      v_left := coalesce(v_left, r.free);
      v_fits := true;
      FOR i IN 1 .. cardinality(r.nos) LOOP
        v_left[r.nos[i]] := v_left[r.nos[i]] - r.units[i];
        v_fits := v_fits AND v_left[r.nos[i]] >= 0;
      END LOOP;
      IF NOT v_fits THEN
        v_denied := v_denied || r.grp;
        FOR i IN 1 .. cardinality(r.nos) LOOP
          v_left[r.nos[i]] := v_left[r.nos[i]] + r.units[i];
        END LOOP;
      END IF;
    END LOOP;
  END IF;

  -- 5. decide the rest, and write
  WITH fresh AS MATERIALIZED (
    SELECT DISTINCT ON (u.s, u.h) u.*, coalesce(u.g, u.h) AS grp
      FROM unnest(p_site, p_owner, p_sku, p_hold, p_units, p_group, p_kind, p_state, p_demand,
                  p_expires, p_asked)
        WITH ORDINALITY AS u(s, o, k, h, q, g, kind, state, demand, expires, asked, ord)
     WHERE NOT EXISTS (SELECT 1 FROM hold x WHERE x.site_id = u.s AND x.id = u.h)
     ORDER BY u.s, u.h, u.ord),
  sized AS (
    SELECT f.*, coalesce(b.sellable - b.reserved - b.allocated - b.safety + b.overdraft, 0) AS av,
           coalesce(b.overdraft, 0) AS overdraft,
           count(*) OVER (PARTITION BY f.grp) AS lines,
           sum(f.q) OVER (PARTITION BY f.s, f.o, f.k) AS total
      FROM fresh f
      LEFT JOIN (unnest(v_site, v_owner, v_sku) AS m(s, o, k)
                 JOIN stock_balance b ON b.site_id = m.s AND b.owner_id = m.o AND b.sku_id = m.k
                  AND b.segment = 'A')
        ON m.s = f.s AND m.o = f.o AND m.k = f.k),
  mixed AS (
    SELECT z.*, bool_or(z.lines > 1) OVER (PARTITION BY z.s, z.o, z.k) AS grouped FROM sized z),
  singles AS (
    SELECT z.ord, z.q <= coalesce(lag(z.rest) OVER (PARTITION BY z.s, z.o, z.k ORDER BY z.ord),
                                  z.av) AS yes
      FROM (SELECT y.ord, y.s, y.o, y.k, y.q, y.av,
                   stock_take(y.q, y.av) OVER (PARTITION BY y.s, y.o, y.k ORDER BY y.ord) AS rest
              FROM mixed y WHERE y.total > y.av AND NOT y.grouped) AS z),
  decided AS (
    SELECT z.*, z.grp <> ALL (v_denied) AND coalesce(n.yes, true) AS yes
      FROM mixed z LEFT JOIN singles n ON n.ord = z.ord),
  answered AS (
    SELECT d.*, d.av - d.overdraft
             - sum(CASE WHEN d.yes THEN d.q ELSE 0 END)
                 OVER (PARTITION BY d.s, d.o, d.k ORDER BY d.ord) AS free_then
      FROM decided d),
  inserted AS (
    INSERT INTO hold (site_id, id, owner_id, sku_id, kind, state, units, demand_id, group_id,
                      asked, free_then, expires_at, created_at, changed_at)
      SELECT a.s, a.h, a.o, a.k, a.kind, CASE WHEN a.yes THEN a.state ELSE 'REFUSED' END, a.q,
             a.demand, a.g, a.asked, a.free_then, a.expires, p_now, p_now
        FROM answered a ORDER BY a.ord
      ON CONFLICT (site_id, id) DO NOTHING
      RETURNING site_id, owner_id, sku_id, kind, state, units),
  changed AS (
    UPDATE stock_balance b
       SET reserved = b.reserved + d.reserved, cart = b.cart + d.cart,
           click_reserve = b.click_reserve + d.click_reserve, allocated = b.allocated + d.allocated
      FROM (SELECT n.site_id, n.owner_id, n.sku_id,
                   coalesce(sum(n.units) FILTER (WHERE n.state = 'HELD'), 0) AS reserved,
                   coalesce(sum(n.units) FILTER (WHERE n.state = 'HELD' AND n.kind = 'CART'), 0)
                     AS cart,
                   coalesce(sum(n.units) FILTER (WHERE n.state = 'HELD'
                                                   AND n.kind = 'CLICK_RESERVE'), 0)
                     AS click_reserve,
                   coalesce(sum(n.units) FILTER (WHERE n.state = 'ALLOCATED'), 0) AS allocated
              FROM inserted n WHERE n.state <> 'REFUSED' GROUP BY 1, 2, 3) AS d
     WHERE b.site_id = d.site_id AND b.owner_id = d.owner_id AND b.sku_id = d.sku_id
       AND b.segment = 'A'
    RETURNING b.site_id, b.owner_id, b.sku_id, b.segment,
      b.sellable - b.reserved - b.allocated - b.safety AS free),
  told AS (
    INSERT INTO outbox (topic, key, type, body, at)
      SELECT 'stock', c.site_id::text, 'StockChanged', jsonb_build_object('site_id', c.site_id,
               'free', jsonb_agg(jsonb_build_array(c.owner_id, c.sku_id, c.segment, c.free))),
             p_now
        FROM changed c GROUP BY c.site_id ORDER BY c.site_id)
  SELECT (SELECT count(*) FROM fresh), (SELECT count(*) FROM inserted) INTO v_fresh, v_inserted;
  IF v_fresh <> v_inserted THEN
    RAISE EXCEPTION 'a hold id is being used by another transaction'
      USING ERRCODE = 'serialization_failure';
  END IF;

  -- 6. answer from what is stored, so that a replay answers the same
  RETURN QUERY
    SELECT u.ord, x.state <> 'REFUSED', x.free_then, NULL::text
      FROM unnest(p_site, p_hold) WITH ORDINALITY AS u(s, h, ord)
      JOIN hold x ON x.site_id = u.s AND x.id = u.h
     ORDER BY u.ord;
END $$;
