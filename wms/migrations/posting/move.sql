-- Moving units from place to place without a hold: receiving, counts, returns.

CREATE FUNCTION stock_move(p_lines jsonb)
RETURNS TABLE (ord int, replayed boolean, fault text, wanted bigint, free bigint)
SECURITY DEFINER SET search_path = public, pg_temp LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  c_nil CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
  v_legs stock_leg[];
  v_count int;
BEGIN
  -- 1. make the balances that there are not yet, and lock all, in the order of keys
  INSERT INTO stock_balance (site_id, owner_id, sku_id, segment)
    SELECT DISTINCT x.site_id, x.owner_id, x.sku_id, c.segment
      FROM jsonb_to_recordset(p_lines) AS x(
        site_id uuid, owner_id uuid, sku_id uuid, condition text, to_condition text)
     CROSS JOIN LATERAL (VALUES (x.condition), (x.to_condition)) AS c(segment)
     WHERE EXISTS (SELECT 1 FROM sku k WHERE k.id = x.sku_id AND k.owner_id = x.owner_id)
       AND EXISTS (SELECT 1 FROM site i WHERE i.id = x.site_id)
       AND NOT EXISTS (SELECT 1 FROM stock_balance b
             WHERE b.site_id = x.site_id AND b.owner_id = x.owner_id AND b.sku_id = x.sku_id
               AND b.segment = c.segment)
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

  -- 2. what is wrong, if anything
  RETURN QUERY
    SELECT z.ord, false, z.fault, NULL::bigint, NULL::bigint FROM (
      SELECT x.ord, CASE
        WHEN c.command_id IS NOT NULL THEN CASE WHEN c.asked <> x.asked THEN 'id_reused' END
        WHEN NOT EXISTS (SELECT 1 FROM stock_balance b WHERE b.site_id = x.site_id
               AND b.owner_id = x.owner_id AND b.sku_id = x.sku_id) THEN 'not_found'
        WHEN f.id IS NULL OR t.id IS NULL THEN 'wrong_location'
      END AS fault
      FROM jsonb_to_recordset(p_lines) AS x(
        ord int, command_id uuid, site_id uuid, owner_id uuid, sku_id uuid,
        from_location_id uuid, to_location_id uuid, asked uuid)
      LEFT JOIN stock_command c ON c.site_id = x.site_id AND c.command_id = x.command_id
      LEFT JOIN location f ON f.site_id = x.site_id AND f.id = x.from_location_id
      LEFT JOIN location t ON t.site_id = x.site_id AND t.id = x.to_location_id
    ) AS z WHERE z.fault IS NOT NULL ORDER BY z.ord;
  IF FOUND THEN RETURN; END IF;

  -- 3. the legs. What is in a unit that stands in storage is accounted for at @UNITS: when the
  -- unit goes elsewhere, one row changes, not all that is in it.
  SELECT array_agg(z.leg) INTO v_legs FROM (
    SELECT ROW(x.ord, x.site_id, x.owner_id, x.sku_id, x.lot, x.condition, x.to_condition,
        CASE WHEN f.counter = 'sellable' AND x.from_unit_id <> c_nil THEN u.id ELSE f.id END,
        x.from_unit_id,
        CASE WHEN t.counter = 'sellable' AND x.to_unit_id <> c_nil THEN u.id ELSE t.id END,
        x.to_unit_id, x.units, NULL, NULL, 0, 0, 0, NULL, x.command_id, x.cause_kind, x.cause_id,
        x.actor, x.reason, x.occurred_at)::stock_leg AS leg
      FROM jsonb_to_recordset(p_lines) AS x(
        ord int, command_id uuid, site_id uuid, owner_id uuid, sku_id uuid, units bigint,
        from_location_id uuid, to_location_id uuid, from_unit_id uuid, to_unit_id uuid, lot text,
        condition text, to_condition text, cause_kind text, cause_id uuid, actor text,
        reason text, occurred_at timestamptz)
      JOIN location f ON f.site_id = x.site_id AND f.id = x.from_location_id
      JOIN location t ON t.site_id = x.site_id AND t.id = x.to_location_id
      JOIN location u ON u.site_id = x.site_id AND u.code = '@UNITS'
     WHERE NOT EXISTS (SELECT 1 FROM stock_command c
                        WHERE c.site_id = x.site_id AND c.command_id = x.command_id)
  ) AS z;
  IF v_legs IS NOT NULL THEN
    RETURN QUERY SELECT a.ord, false, 'not_enough_stock', a.wanted, a.free
                   FROM stock_apply(v_legs) AS a;
    IF FOUND THEN RETURN; END IF;
    INSERT INTO stock_command (site_id, command_id, kind, asked)
      SELECT x.site_id, x.command_id, 'MOVE', x.asked
        FROM jsonb_to_recordset(p_lines) AS x(ord int, site_id uuid, command_id uuid, asked uuid)
       WHERE x.ord IN (SELECT g.ord FROM unnest(v_legs) AS g)
      ON CONFLICT (site_id, command_id) DO NOTHING;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    IF v_count <> cardinality(v_legs) THEN
      RAISE EXCEPTION 'a command id is being used by another transaction'
        USING ERRCODE = 'serialization_failure';
    END IF;
  END IF;

  -- 4. the answers
  RETURN QUERY
    SELECT x.ord, x.ord <> ALL (SELECT g.ord FROM unnest(v_legs) AS g), NULL::text, NULL::bigint,
           NULL::bigint
      FROM jsonb_to_recordset(p_lines) AS x(ord int) ORDER BY x.ord;
END $$;
