-- Lots that nobody may have: those that are blocked, and those whose last day is over at the site.
--
-- A balance counts what it has of them at places that sell (`blocked`, a part of `sellable`), so
-- that no promise is made of it. A day ends by itself, so a balance also says until when that count
-- is right: all lots that ended up to `judged_at` are in it, and the next of those that are not ends
-- at `stops_at`. Whoever would promise after that judges first (stock_reserve), so nothing depends on
-- anybody who comes by at midnight; who does (stock_judge_due) keeps what is only shown right.

-- The first moment at which goods with that last day may not be sold any more.
CREATE FUNCTION lot_ends(p_last date, p_zone text) RETURNS timestamptz IMMUTABLE PARALLEL SAFE
LANGUAGE sql RETURN (p_last + 1)::timestamp AT TIME ZONE p_zone;

-- Count anew what these balances have blocked; null: at the time they were judged at last. The
-- caller has locked them.
CREATE FUNCTION stock_judge_lots(p_site uuid[], p_owner uuid[], p_sku uuid[], p_segment text[],
                                 p_now timestamptz)
RETURNS void SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off LANGUAGE plpgsql AS $$
BEGIN
  WITH judged AS (
    SELECT b.site_id, b.owner_id, b.sku_id, b.segment, greatest(b.judged_at, p_now) AS at,
           b.blocked AS before, coalesce(n.blocked, 0) AS blocked, n.stops_at
      FROM (SELECT DISTINCT * FROM unnest(p_site, p_owner, p_sku, p_segment)
              AS u(site, owner, sku, segment)) AS k
      JOIN stock_balance b ON b.site_id = k.site AND b.owner_id = k.owner AND b.sku_id = k.sku
       AND b.segment = k.segment
     CROSS JOIN LATERAL (
       SELECT sum(x.units) FILTER (WHERE x.is_blocked OR x.ends <= greatest(b.judged_at, p_now))
                AS blocked,
              min(x.ends) FILTER (WHERE NOT x.is_blocked
                AND (x.ends <= greatest(b.judged_at, p_now)) IS NOT TRUE) AS stops_at
         FROM (SELECT q.units, t.status = 'BLOCKED' AS is_blocked,
                      lot_ends(t.expires_on, i.time_zone) AS ends
                 FROM quant q
                 JOIN location l ON l.site_id = q.site_id AND l.id = q.location_id
                 JOIN lot t ON t.sku_id = q.sku_id AND t.code = q.lot
                 JOIN site i ON i.id = q.site_id
                WHERE q.site_id = b.site_id AND q.sku_id = b.sku_id AND q.owner_id = b.owner_id
                  AND q.condition = b.segment AND q.condition <> 'D' AND q.lot <> ''
                  AND q.units > 0 AND l.counter = 'sellable') AS x) AS n),
  changed AS (
    UPDATE stock_balance b SET blocked = j.blocked, judged_at = j.at, stops_at = j.stops_at
      FROM judged j
     WHERE b.site_id = j.site_id AND b.owner_id = j.owner_id AND b.sku_id = j.sku_id
       AND b.segment = j.segment
    RETURNING b.site_id, b.owner_id, b.sku_id, b.segment, j.before <> j.blocked AS differs,
      b.sellable - b.blocked - b.reserved - b.allocated - b.safety AS free)
  INSERT INTO outbox (topic, key, type, body)
    SELECT 'stock', c.site_id::text, 'StockChanged', jsonb_build_object('site_id', c.site_id,
             'free', jsonb_agg(jsonb_build_array(c.owner_id, c.sku_id, c.segment, c.free)))
      FROM changed c WHERE c.differs GROUP BY c.site_id ORDER BY c.site_id;
END $$;

-- Lock balances in the order of their keys, and judge them.
CREATE FUNCTION stock_lock_and_judge(p_keys stock_balance[], p_now timestamptz)
RETURNS void SET search_path = public, pg_temp LANGUAGE plpgsql AS $$
DECLARE
  v_site uuid[];
  v_owner uuid[];
  v_sku uuid[];
  v_segment text[];
BEGIN
  SELECT array_agg(k.site_id), array_agg(k.owner_id), array_agg(k.sku_id), array_agg(k.segment)
    INTO v_site, v_owner, v_sku, v_segment FROM unnest(p_keys) AS k;
  IF v_site IS NULL THEN RETURN; END IF;
  PERFORM stock_promisable(v_site, v_owner, v_sku, v_segment, NULL);
  PERFORM stock_judge_lots(v_site, v_owner, v_sku, v_segment, p_now);
END $$;

-- Those who come by: judge the balances whose count is right no longer. Returns how many. They are
-- found by lots that ended in the last month: the balance has no index beside its keys.
CREATE FUNCTION stock_judge_due(p_now timestamptz, p_limit int) RETURNS int
SECURITY DEFINER SET search_path = public, pg_temp LANGUAGE plpgsql AS $$
DECLARE
  v_keys stock_balance[];
BEGIN
  SELECT array_agg(d) INTO v_keys
    FROM (SELECT b FROM stock_balance b
           WHERE b.stops_at <= stock_now(p_now) AND b.sku_id IN (
             SELECT t.sku_id FROM lot t
              WHERE t.expires_on BETWEEN stock_now(p_now)::date - 31 AND stock_now(p_now)::date + 1)
           ORDER BY b.stops_at LIMIT p_limit) AS x(d);
  PERFORM stock_lock_and_judge(v_keys, stock_now(p_now));
  RETURN coalesce(cardinality(v_keys), 0);
END $$;

-- A lot is blocked or let go, or its last day is another: its balances are judged with it.
CREATE FUNCTION stock_lots_changed() RETURNS trigger
SECURITY DEFINER SET search_path = public, pg_temp LANGUAGE plpgsql AS $$
BEGIN
  PERFORM stock_lock_and_judge((
    SELECT array_agg(b) FROM stock_balance b
     WHERE b.sku_id IN (
       SELECT n.sku_id FROM is_now n JOIN was w ON w.sku_id = n.sku_id AND w.code = n.code
        WHERE (n.status, n.expires_on) IS DISTINCT FROM (w.status, w.expires_on))), NULL);
  RETURN NULL;
END $$;
CREATE TRIGGER judged AFTER UPDATE ON lot REFERENCING OLD TABLE AS was NEW TABLE AS is_now
  FOR EACH STATEMENT EXECUTE FUNCTION stock_lots_changed();

REVOKE ALL ON FUNCTION stock_judge_lots, stock_lock_and_judge, stock_judge_due,
  stock_lots_changed FROM PUBLIC;
GRANT EXECUTE ON FUNCTION stock_judge_due TO soko_app;
