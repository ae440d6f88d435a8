-- Moving units from place to place without a hold: receiving, counts, returns, transfers; and
-- handling units with all that is in them.

-- A line and all that is known of it.
CREATE TYPE stock_line AS (
  leg stock_leg,
  asked uuid,
  from_counter text,
  done boolean,
  fault text
);

-- Make the balances of those lines that there are not yet, and lock all, in the order of keys.
CREATE FUNCTION stock_open(p_lines jsonb) RETURNS void
SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET enable_material = off LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO stock_balance (site_id, owner_id, sku_id, segment)
    SELECT DISTINCT x.site_id, x.owner_id, x.sku_id, c.segment
      FROM jsonb_to_recordset(p_lines) AS x(
        site_id uuid, owner_id uuid, sku_id uuid, condition text, to_condition text)
     CROSS JOIN LATERAL (VALUES (x.condition), (x.to_condition)) AS c(segment)
     WHERE NOT EXISTS (SELECT 1 FROM stock_balance b
             WHERE b.site_id = x.site_id AND b.owner_id = x.owner_id AND b.sku_id = x.sku_id
               AND b.segment = c.segment)
       AND EXISTS (SELECT 1 FROM sku k WHERE k.id = x.sku_id AND k.owner_id = x.owner_id)
       AND EXISTS (SELECT 1 FROM site i WHERE i.id = x.site_id)
     ORDER BY 1, 2, 3, 4
    ON CONFLICT DO NOTHING;
  PERFORM 1 FROM stock_balance b
    WHERE (b.site_id, b.owner_id, b.sku_id, b.segment) IN (
      SELECT x.site_id, x.owner_id, x.sku_id, c.segment
        FROM jsonb_to_recordset(p_lines) AS x(
          site_id uuid, owner_id uuid, sku_id uuid, condition text, to_condition text)
       CROSS JOIN LATERAL (VALUES (x.condition), (x.to_condition)) AS c(segment))
    ORDER BY b.site_id, b.owner_id, b.sku_id, b.segment
    FOR NO KEY UPDATE;
END $$;

-- Goods that holds have there (picked, packed, on their way) do not leave without their hold.
-- Returns the lines that would take them.
CREATE FUNCTION stock_held_back(p_lines stock_line[])
RETURNS TABLE (ord int, wanted bigint, free bigint)
SET search_path = public, pg_temp LANGUAGE sql AS $$
  SELECT z.ord, z.units, greatest(z.free - z.before, 0)::bigint FROM (
    SELECT (p.leg).ord, (p.leg).units, q.units - coalesce(h.units, 0) + coalesce((
             SELECT sum((o.leg).units) FROM unnest(p_lines) AS o
              WHERE (o.leg).to_location_id = q.location_id AND (o.leg).lot = q.lot
                AND (o.leg).to_unit_id = q.handling_unit_id AND (o.leg).sku_id = q.sku_id
                AND (o.leg).owner_id = q.owner_id AND (o.leg).to_condition = q.condition), 0)
             AS free,
           sum((p.leg).units) OVER (
             PARTITION BY (p.leg).from_location_id, (p.leg).from_unit_id, (p.leg).owner_id,
                          (p.leg).sku_id, (p.leg).from_condition, (p.leg).lot
             ORDER BY (p.leg).ord) - (p.leg).units AS before
      FROM unnest(p_lines) AS p
      JOIN quant q ON q.site_id = (p.leg).site_id AND q.location_id = (p.leg).from_location_id
        AND q.sku_id = (p.leg).sku_id AND q.owner_id = (p.leg).owner_id
        AND q.handling_unit_id = (p.leg).from_unit_id AND q.lot = (p.leg).lot
        AND q.condition = (p.leg).from_condition
     CROSS JOIN LATERAL (
       SELECT sum(h.units) AS units FROM hold h
        WHERE h.site_id = q.site_id AND h.sku_id = q.sku_id AND h.location_id = q.location_id
          AND h.state IN ('PICKED', 'PACKED', 'SHIPPED') AND h.owner_id = q.owner_id
          AND h.handling_unit_id = q.handling_unit_id AND h.lot = q.lot
          AND h.segment = q.condition) AS h
     WHERE p.from_counter IN ('picked', 'packed', 'to_customer', 'to_store', 'to_locker',
                              'store_to_dc', 'dc_to_dc')) AS z
   WHERE z.before + z.units > z.free
$$;

-- All lines or none; with p_each, each for itself: a line with a fault is left out.
CREATE FUNCTION stock_move(p_lines jsonb, p_each boolean DEFAULT false)
RETURNS TABLE (ord int, replayed boolean, fault text, wanted bigint, free bigint)
SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET enable_material = off LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  c_nil CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
  v_lines stock_line[];
  v_legs stock_leg[];
  v_bad int[];
  v_count int;
BEGIN
  PERFORM stock_open(p_lines);

  -- 2. the lines, and what is wrong with them. What is in a unit is accounted for at a virtual
  -- place: when the unit goes elsewhere, one row changes, not all that is in it.
  SELECT array_agg(z.line ORDER BY ((z.line).leg).ord) INTO v_lines FROM (
    SELECT ROW(ROW(x.ord, x.site_id, x.owner_id, x.sku_id, x.lot, x.condition, x.to_condition,
        coalesce(fa.id, f.id), x.from_unit_id, coalesce(ta.id, t.id), x.to_unit_id, x.units,
        NULL, NULL, 0, 0, 0, NULL, x.command_id, x.cause_kind, x.cause_id, x.actor, x.reason,
        x.occurred_at, f.counter = 'outside', t.counter = 'outside', k.tracking, k.catch_weight,
        CASE WHEN k.catch_weight THEN x.weight_g ELSE 0 END, 0,
        CASE WHEN cardinality(x.serials) > 0 THEN x.serials END, NULL, NULL, NULL)::stock_leg,
      x.asked, f.counter, c.command_id IS NOT NULL, CASE
        WHEN c.command_id IS NOT NULL THEN CASE WHEN c.asked <> x.asked THEN 'id_reused' END
        WHEN b.sku_id IS NULL THEN 'not_found'
        WHEN f.id IS NULL OR t.id IS NULL THEN 'wrong_location'
        WHEN f.counter = 'outside' AND k.tracking IN ('LOT', 'BOTH') AND x.lot = ''
          THEN 'lot_missing'
        WHEN f.counter = 'outside' AND k.tracking NOT IN ('LOT', 'BOTH') AND x.lot <> ''
          THEN 'lot_unwanted'
        WHEN x.serials <> '{}' AND k.tracking NOT IN ('SERIAL', 'BOTH') THEN 'serial_unwanted'
        WHEN x.weight_g IS NOT NULL AND NOT k.catch_weight THEN 'weight_unwanted'
      END)::stock_line AS line
      FROM jsonb_to_recordset(p_lines) AS x(
        ord int, command_id uuid, site_id uuid, owner_id uuid, sku_id uuid, units bigint,
        from_location_id uuid, to_location_id uuid, from_unit_id uuid, to_unit_id uuid, lot text,
        condition text, to_condition text, serials text[], weight_g bigint, cause_kind text,
        cause_id uuid, actor text, reason text, occurred_at timestamptz, asked uuid)
      LEFT JOIN stock_command c ON c.site_id = x.site_id AND c.command_id = x.command_id
      LEFT JOIN stock_balance b ON b.site_id = x.site_id AND b.owner_id = x.owner_id
        AND b.sku_id = x.sku_id AND b.segment = x.condition
      LEFT JOIN sku k ON k.id = b.sku_id
      LEFT JOIN location f ON f.site_id = x.site_id AND f.id = x.from_location_id
      LEFT JOIN location t ON t.site_id = x.site_id AND t.id = x.to_location_id
      LEFT JOIN location fa ON fa.site_id = x.site_id
        AND fa.code = CASE WHEN x.from_unit_id <> c_nil THEN unit_account(f.counter) END
      LEFT JOIN location ta ON ta.site_id = x.site_id
        AND ta.code = CASE WHEN x.to_unit_id <> c_nil THEN unit_account(t.counter) END
  ) AS z;

  -- 3. what is wrong by itself
  RETURN QUERY
    SELECT (p.leg).ord, false, p.fault, (p.leg).units, 0::bigint
      FROM unnest(v_lines) AS p WHERE p.fault IS NOT NULL ORDER BY 1;
  IF FOUND AND NOT p_each THEN RETURN; END IF;
  RETURN QUERY
    SELECT (p.leg).ord, true, NULL::text, NULL::bigint, NULL::bigint
      FROM unnest(v_lines) AS p WHERE p.done AND p.fault IS NULL;
  SELECT array_agg(p) INTO v_lines FROM unnest(v_lines) AS p WHERE p.fault IS NULL AND NOT p.done;

  -- 4. the lots that nobody has told us of. Nobody blocks one of those that come in before they
  -- are in: there may be no balance yet whose lock would keep him from it.
  IF EXISTS (SELECT 1 FROM unnest(v_lines) AS p WHERE (p.leg).comes_in AND (p.leg).lot <> '') THEN
    INSERT INTO lot (sku_id, code)
      SELECT DISTINCT (p.leg).sku_id, (p.leg).lot FROM unnest(v_lines) AS p
       WHERE (p.leg).comes_in AND (p.leg).lot <> '' ORDER BY 1, 2
      ON CONFLICT DO NOTHING;
    PERFORM 1 FROM lot t
      WHERE (t.sku_id, t.code) IN (SELECT (p.leg).sku_id, (p.leg).lot FROM unnest(v_lines) AS p
                                    WHERE (p.leg).comes_in AND (p.leg).lot <> '')
      ORDER BY t.sku_id, t.code FOR SHARE;
  END IF;

  -- 5. the stock; with p_each, again without the lines that lack any
  LOOP
    IF v_lines IS NULL THEN RETURN; END IF;
    SELECT array_agg(p.leg) INTO v_legs FROM unnest(v_lines) AS p;
    IF EXISTS (SELECT 1 FROM unnest(v_legs) AS g
                WHERE g.tracking IN ('SERIAL', 'BOTH') OR g.catch_weight) THEN
      v_legs := stock_judge(v_legs);
    END IF;
    v_bad := '{}';
    FOR ord, fault, wanted, free IN
      SELECT g.ord, g.fault, g.units, 0 FROM unnest(v_legs) AS g WHERE g.fault IS NOT NULL
      UNION ALL
      SELECT h.ord, 'not_enough_stock', h.wanted, h.free FROM stock_held_back(v_lines) AS h
       ORDER BY 1
    LOOP
      CONTINUE WHEN ord = ANY (v_bad);
      v_bad := v_bad || ord;
      RETURN NEXT;
    END LOOP;
    IF v_bad = '{}' THEN
      FOR ord, wanted, free IN SELECT a.ord, a.wanted, a.free FROM stock_apply(v_legs) AS a LOOP
        v_bad := v_bad || ord;
        fault := 'not_enough_stock';
        RETURN NEXT;
      END LOOP;
      EXIT WHEN v_bad = '{}';
    END IF;
    IF NOT p_each THEN RETURN; END IF;
    SELECT array_agg(p) INTO v_lines FROM unnest(v_lines) AS p WHERE (p.leg).ord <> ALL (v_bad);
  END LOOP;

  -- 6. the commands
  INSERT INTO stock_command (site_id, command_id, kind, asked)
    SELECT (p.leg).site_id, (p.leg).command_id, 'MOVE', p.asked FROM unnest(v_lines) AS p
    ON CONFLICT (site_id, command_id) DO NOTHING;
  GET DIAGNOSTICS v_count = ROW_COUNT;
  IF v_count <> cardinality(v_lines) THEN
    RAISE EXCEPTION 'a command id is being used by another transaction'
      USING ERRCODE = 'serialization_failure';
  END IF;

  -- 7. the answers
  RETURN QUERY
    SELECT (p.leg).ord, false, NULL::text, NULL::bigint, NULL::bigint FROM unnest(v_lines) AS p;
END $$;

