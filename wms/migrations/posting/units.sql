-- Handling units: going elsewhere with all that is in them, going into one another.

-- Those units and all that are inside them.
CREATE FUNCTION unit_inside(p_site uuid, p_unit uuid) RETURNS SETOF uuid STABLE
SET search_path = public, pg_temp LANGUAGE sql AS $$
  WITH RECURSIVE inside AS (
    SELECT p_unit AS id
    UNION
    SELECT u.id FROM inside i
      JOIN handling_unit u ON u.site_id = p_site AND u.parent_id = i.id)
  SELECT i.id FROM inside i
$$;

-- The goods that go where the lines say: ready to be posted, one row a quant.
CREATE FUNCTION stock_unit_goods(p_lines jsonb) RETURNS SETOF stock_line STABLE
SET search_path = public, pg_temp LANGUAGE sql AS $$
  SELECT ROW(ROW(x.ord, q.site_id, q.owner_id, q.sku_id, q.lot, q.condition,
      coalesce(x.to_condition, q.condition), q.location_id, q.handling_unit_id,
      coalesce(a.id, t.id), q.handling_unit_id, q.units, NULL, NULL, 0, 0, 0, NULL, x.command_id,
      x.cause_kind, x.cause_id, x.actor, x.reason, x.occurred_at, false, t.counter = 'outside',
      k.tracking, k.catch_weight, CASE WHEN NOT k.catch_weight THEN 0 END, 0,
      CASE WHEN k.tracking IN ('SERIAL', 'BOTH') THEN (
        SELECT array_agg(s.serial ORDER BY s.serial) FROM serial s
         WHERE s.site_id = q.site_id AND s.owner_id = q.owner_id AND s.sku_id = q.sku_id
           AND s.location_id = q.location_id AND s.handling_unit_id = q.handling_unit_id
           AND s.lot = q.lot AND s.condition = q.condition) END,
      NULL, NULL, NULL)::stock_leg, x.asked, f.counter, false, NULL)::stock_line
    FROM jsonb_to_recordset(p_lines) AS x(
      ord int, command_id uuid, site_id uuid, unit_id uuid, to_location_id uuid,
      to_condition text, cause_kind text, cause_id uuid, actor text, reason text,
      occurred_at timestamptz, asked uuid)
   CROSS JOIN LATERAL unit_inside(x.site_id, x.unit_id) AS i(id)
    JOIN quant q ON q.site_id = x.site_id AND q.handling_unit_id = i.id AND NOT q.outside
     AND q.handling_unit_id <> '00000000-0000-0000-0000-000000000000' AND q.units > 0
    JOIN sku k ON k.id = q.sku_id
    JOIN location f ON f.site_id = q.site_id AND f.id = q.location_id
    JOIN location t ON t.site_id = x.site_id AND t.id = x.to_location_id
    LEFT JOIN location a ON a.site_id = x.site_id AND a.code = unit_account(t.counter)
   WHERE f.counter <> t.counter OR q.condition <> coalesce(x.to_condition, q.condition)
$$;

-- Units go to another place with all that is in them and in the units inside them. Where the goods
-- stay in the same state only the unit's own row changes; else all of them are posted.
CREATE FUNCTION stock_move_unit(p_lines jsonb)
RETURNS TABLE (ord int, replayed boolean, fault text, wanted bigint, free bigint)
SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET enable_material = off LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  v_site uuid;
  v_new jsonb;
  v_keys jsonb;
  v_goods stock_line[];
  v_legs stock_leg[];
  v_count int;
BEGIN
  -- 1. which units are in which stays as it is; then lock the balances of all that is in them
  FOR v_site IN SELECT DISTINCT l.site_id FROM jsonb_to_recordset(p_lines) AS l(site_id uuid)
                 ORDER BY 1 LOOP
    PERFORM unit_lock(v_site);
  END LOOP;
  SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_object(
           'site_id', (p.leg).site_id, 'owner_id', (p.leg).owner_id, 'sku_id', (p.leg).sku_id,
           'condition', (p.leg).from_condition, 'to_condition', (p.leg).to_condition)), '[]')
    INTO v_keys FROM stock_unit_goods(p_lines) AS p;
  PERFORM stock_open(v_keys);

  -- 2. what is wrong, if anything
  RETURN QUERY
    SELECT z.ord, false, z.fault, NULL::bigint, NULL::bigint FROM (
      SELECT x.ord, CASE
          WHEN c.command_id IS NOT NULL THEN CASE WHEN c.asked <> x.asked THEN 'id_reused' END
          WHEN u.id IS NULL THEN 'not_found'
          WHEN t.id IS NULL THEN 'wrong_location'
          WHEN EXISTS (
            SELECT 1 FROM jsonb_to_recordset(p_lines) AS o(ord int, site_id uuid, unit_id uuid)
             WHERE o.site_id = x.site_id AND o.ord <> x.ord
               AND o.unit_id IN (SELECT unit_inside(x.site_id, x.unit_id)))
            THEN 'unit_inside_itself'
        END AS fault
        FROM jsonb_to_recordset(p_lines) AS x(
          ord int, command_id uuid, site_id uuid, unit_id uuid, to_location_id uuid, asked uuid)
        LEFT JOIN stock_command c ON c.site_id = x.site_id AND c.command_id = x.command_id
        LEFT JOIN handling_unit u ON u.site_id = x.site_id AND u.id = x.unit_id
        LEFT JOIN location t ON t.site_id = x.site_id AND t.id = x.to_location_id
    ) AS z WHERE z.fault IS NOT NULL ORDER BY z.ord;
  IF FOUND THEN RETURN; END IF;

  -- 3. the goods as they are now, under the locks
  SELECT jsonb_agg(x) INTO v_new FROM jsonb_array_elements(p_lines) AS x
   WHERE NOT EXISTS (SELECT 1 FROM stock_command c WHERE c.site_id = (x ->> 'site_id')::uuid
                        AND c.command_id = (x ->> 'command_id')::uuid);
  RETURN QUERY
    SELECT x.ord, true, NULL::text, NULL::bigint, NULL::bigint
      FROM jsonb_to_recordset(p_lines) AS x(ord int, site_id uuid, command_id uuid)
     WHERE EXISTS (SELECT 1 FROM stock_command c
                    WHERE c.site_id = x.site_id AND c.command_id = x.command_id);
  IF v_new IS NULL THEN RETURN; END IF;
  SELECT array_agg(p) INTO v_goods FROM stock_unit_goods(v_new) AS p;
  IF EXISTS (
    SELECT 1 FROM unnest(v_goods) AS p
     WHERE NOT v_keys @> jsonb_build_array(jsonb_build_object(
       'site_id', (p.leg).site_id, 'owner_id', (p.leg).owner_id, 'sku_id', (p.leg).sku_id,
       'condition', (p.leg).from_condition))) THEN
    RAISE EXCEPTION 'other goods have come into the unit' USING ERRCODE = 'serialization_failure';
  END IF;
  RETURN QUERY
    SELECT h.ord, false, 'not_enough_stock', h.wanted, h.free FROM stock_held_back(v_goods) AS h
     ORDER BY 1;
  IF FOUND THEN RETURN; END IF;
  IF v_goods IS NOT NULL THEN
    SELECT array_agg(p.leg ORDER BY (p.leg).ord) INTO v_legs FROM unnest(v_goods) AS p;
    v_legs := stock_judge(v_legs);
    RETURN QUERY
      SELECT g.ord, false, g.fault, g.units, 0::bigint FROM unnest(v_legs) AS g
       WHERE g.fault IS NOT NULL;
    IF FOUND THEN RETURN; END IF;
    RETURN QUERY
      SELECT a.ord, false, 'not_enough_stock', a.wanted, a.free FROM stock_apply(v_legs) AS a;
    IF FOUND THEN RETURN; END IF;
  END IF;

  -- 4. the units, which are in no other unit any more, and the commands
  UPDATE handling_unit u SET location_id = x.to_location_id, parent_id = NULL
    FROM jsonb_to_recordset(v_new) AS x(site_id uuid, unit_id uuid, to_location_id uuid)
   WHERE u.site_id = x.site_id AND u.id = x.unit_id;
  INSERT INTO stock_command (site_id, command_id, kind, asked)
    SELECT x.site_id, x.command_id, 'UNIT', x.asked
      FROM jsonb_to_recordset(v_new) AS x(site_id uuid, command_id uuid, asked uuid)
    ON CONFLICT (site_id, command_id) DO NOTHING;
  GET DIAGNOSTICS v_count = ROW_COUNT;
  IF v_count <> jsonb_array_length(v_new) THEN
    RAISE EXCEPTION 'a command id is being used by another transaction'
      USING ERRCODE = 'serialization_failure';
  END IF;
  RETURN QUERY
    SELECT x.ord, false, NULL::text, NULL::bigint, NULL::bigint
      FROM jsonb_to_recordset(v_new) AS x(ord int);
END $$;

-- A unit is put into another, or (null) taken out of the one it is in and stands beside it. The
-- goods stay in the state that they are in, so both must stand where that is the same.
CREATE FUNCTION stock_put_unit(p_site uuid, p_unit uuid, p_into uuid) RETURNS text
SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET enable_material = off LANGUAGE plpgsql AS $$
DECLARE
  v_place uuid;
BEGIN
  PERFORM unit_lock(p_site);
  IF (SELECT count(*) FROM handling_unit u
       WHERE u.site_id = p_site AND u.id IN (p_unit, coalesce(p_into, p_unit)))
     < 1 + (p_into IS DISTINCT FROM p_unit AND p_into IS NOT NULL)::int THEN
    RETURN 'not_found';
  END IF;
  IF p_into IS NULL THEN
    UPDATE handling_unit u SET parent_id = NULL, location_id = unit_place(p_site, p_unit)
     WHERE u.site_id = p_site AND u.id = p_unit AND u.parent_id IS NOT NULL;
    RETURN NULL;
  END IF;
  IF p_into IN (SELECT unit_inside(p_site, p_unit)) THEN
    RETURN 'unit_inside_itself';
  END IF;
  v_place := unit_place(p_site, p_into);
  IF EXISTS (
    SELECT 1 FROM unit_inside(p_site, p_unit) AS i(id)
      JOIN quant q ON q.site_id = p_site AND q.handling_unit_id = i.id AND q.units > 0
       AND q.handling_unit_id <> '00000000-0000-0000-0000-000000000000'
      JOIN location f ON f.site_id = p_site AND f.id = q.location_id
      JOIN location t ON t.site_id = p_site AND t.id = v_place
     WHERE f.counter <> t.counter) THEN
    RETURN 'wrong_location';
  END IF;
  UPDATE handling_unit u SET parent_id = p_into, location_id = NULL
   WHERE u.site_id = p_site AND u.id = p_unit;
  RETURN NULL;
END $$;

-- Those of the SKUs of which there are goods anywhere inside: how they are kept cannot change.
CREATE FUNCTION stock_kept(p_sku uuid[]) RETURNS TABLE (sku_id uuid) STABLE
SECURITY DEFINER SET search_path = public, pg_temp LANGUAGE sql AS $$
  SELECT DISTINCT b.sku_id FROM stock_balance b
    JOIN quant q ON q.site_id = b.site_id AND q.sku_id = b.sku_id AND NOT q.outside
   WHERE b.sku_id = ANY (p_sku) AND q.units > 0
$$;
