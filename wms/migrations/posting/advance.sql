-- Advancing holds: one step each, all lines or none. hold_transition says what a step does.

-- One hold's change, worked out: the line's own hold, or the rest of it as a hold of its own.
CREATE TYPE stock_step AS (
  ord int,
  command_id uuid,
  site_id uuid,
  hold_id uuid,           -- the hold that the line names
  rest_id uuid,           -- the new hold, for the rest; else null
  from_state text,
  to_state text,
  units bigint,
  owner_id uuid,
  sku_id uuid,
  segment text,
  lot text,
  from_location_id uuid,
  from_unit_id uuid,
  to_location_id uuid,    -- null: in no place of its own any more
  to_unit_id uuid,
  moves boolean,
  reserved int,
  allocated int,
  pinned int,
  actor text,
  reason text,
  occurred_at timestamptz,
  hold_kind text
);

CREATE FUNCTION stock_advance(p_lines jsonb)
RETURNS TABLE (ord int, state text, replayed boolean, fault text, wanted bigint, free bigint)
SECURITY DEFINER SET search_path = public, pg_temp LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  c_nil CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
  v_steps stock_step[];
  v_legs stock_leg[];
  v_count int;
BEGIN
  -- 1. lock
  PERFORM stock_lock(p_lines, '{}', '{}', '{}');

  -- 2. what is wrong, if anything
  RETURN QUERY
    SELECT f.ord, f.state, false, f.fault, f.units, NULL::bigint FROM (
      SELECT x.ord, h.state, coalesce(x.units, h.units) AS units, CASE
        WHEN c.command_id IS NOT NULL THEN CASE WHEN c.asked <> x.asked THEN 'id_reused' END
        WHEN h.id IS NULL THEN 'not_found'
        WHEN t.to_state IS NULL THEN 'wrong_state'
        WHEN x.units > h.units OR x.units < h.units AND x.rest_hold_id IS NULL
          THEN 'units_out_of_range'
        WHEN x.units < h.units AND x.rest_state NOT IN ('SAME', h.state) AND r.to_state IS NULL
          THEN 'wrong_state'
        WHEN x.units < h.units AND EXISTS (
          SELECT 1 FROM hold o WHERE o.site_id = x.site_id AND o.id = x.rest_hold_id)
          THEN 'id_reused'
        WHEN t.counters IS NOT NULL AND coalesce(l.counter, '') <> ALL (t.counters)
          THEN 'wrong_location'
      END AS fault
      FROM jsonb_to_recordset(p_lines) AS x(
        ord int, command_id uuid, site_id uuid, hold_id uuid, "to" text, units bigint,
        rest_hold_id uuid, rest_state text, location_id uuid, handling_unit_id uuid, asked uuid)
      LEFT JOIN stock_command c ON c.site_id = x.site_id AND c.command_id = x.command_id
      LEFT JOIN hold h ON h.site_id = x.site_id AND h.id = x.hold_id
      LEFT JOIN hold_transition t ON t.from_state = h.state AND t.to_state = x."to"
      LEFT JOIN hold_transition r ON r.from_state = h.state AND r.to_state = x.rest_state
      LEFT JOIN location l ON l.site_id = x.site_id AND CASE
        WHEN t.pinned = 1 AND x.handling_unit_id IS NOT NULL THEN l.code = '@UNITS'
        WHEN x.location_id IS NOT NULL THEN l.id = x.location_id
        ELSE l.code = t.place END
    ) AS f WHERE f.fault IS NOT NULL ORDER BY f.ord;
  IF FOUND THEN RETURN; END IF;

  -- 3. the steps: for each new line its own, and one for the rest
  SELECT array_agg(s.step) INTO v_steps FROM (
    WITH line AS (
      SELECT x.*, h.state AS from_state, h.units AS all_units, coalesce(x.units, h.units) AS some,
             h.owner_id, h.sku_id, h.segment, h.lot, h.kind AS hold_kind, h.location_id AS here,
             h.handling_unit_id AS in_unit
        FROM jsonb_to_recordset(p_lines) AS x(
          ord int, command_id uuid, site_id uuid, hold_id uuid, "to" text, units bigint,
          rest_hold_id uuid, rest_state text, location_id uuid, handling_unit_id uuid,
          actor text, reason text, occurred_at timestamptz)
        JOIN hold h ON h.site_id = x.site_id AND h.id = x.hold_id
       WHERE NOT EXISTS (SELECT 1 FROM stock_command c
                          WHERE c.site_id = x.site_id AND c.command_id = x.command_id)),
    part AS (
      SELECT i.*, NULL::uuid AS rest_id, i."to" AS to_state, i.some AS n, i.location_id AS named,
             i.handling_unit_id AS named_unit
        FROM line i
      UNION ALL
      SELECT i.*, i.rest_hold_id,
             CASE WHEN i.rest_state = 'SAME' THEN i.from_state ELSE i.rest_state END,
             i.all_units - i.some, NULL, NULL
        FROM line i WHERE i.some < i.all_units)
    SELECT ROW(p.ord, p.command_id, p.site_id, p.hold_id, p.rest_id, p.from_state, p.to_state,
        p.n, p.owner_id, p.sku_id, p.segment,
        CASE WHEN t.pinned = 1 THEN coalesce(g.lot, '') ELSE p.lot END,
        p.here, p.in_unit,
        CASE WHEN p.to_state = p.from_state THEN p.here WHEN t.counters IS NOT NULL THEN l.id END,
        CASE WHEN p.to_state = p.from_state THEN p.in_unit
             WHEN t.counters IS NULL THEN c_nil
             WHEN p.named_unit IS NULL AND p.to_state = 'SHIPPED' THEN p.in_unit
             ELSE coalesce(p.named_unit, c_nil) END,
        t.place IS NOT NULL, coalesce(t.reserved, 0), coalesce(t.allocated, 0),
        coalesce(t.pinned, 0), p.actor, p.reason, p.occurred_at,
        p.hold_kind)::stock_step AS step
      FROM part p
      LEFT JOIN hold_transition t ON t.from_state = p.from_state AND t.to_state = p.to_state
      LEFT JOIN location l ON l.site_id = p.site_id AND CASE
        WHEN t.pinned = 1 AND p.named_unit IS NOT NULL THEN l.code = '@UNITS'
        WHEN p.named IS NOT NULL THEN l.id = p.named
        ELSE l.code = t.place END
      LEFT JOIN LATERAL (
        SELECT q.lot FROM quant q
         WHERE t.pinned = 1 AND q.site_id = p.site_id AND q.location_id = l.id
           AND q.sku_id = p.sku_id AND q.owner_id = p.owner_id
           AND q.handling_unit_id = coalesce(p.named_unit, c_nil) AND q.condition = p.segment
         ORDER BY q.units - q.pinned >= p.n DESC, q.lot LIMIT 1) AS g ON true
  ) AS s;
  IF v_steps IS NOT NULL THEN
    -- 4. the stock
    SELECT array_agg(ROW(s.ord, s.site_id, s.owner_id, s.sku_id, s.lot, s.segment, s.segment,
        s.from_location_id, s.from_unit_id, s.to_location_id, s.to_unit_id,
        CASE WHEN s.moves THEN s.units ELSE 0 END,
        CASE WHEN s.pinned = 1 THEN s.to_location_id ELSE s.from_location_id END,
        CASE WHEN s.pinned = 1 THEN s.to_unit_id ELSE s.from_unit_id END,
        s.pinned * s.units, s.reserved * s.units, s.allocated * s.units,
        s.hold_kind, s.command_id, 'HOLD', coalesce(s.rest_id, s.hold_id), s.actor, s.reason,
        s.occurred_at)::stock_leg)
      INTO v_legs FROM unnest(v_steps) AS s;
    RETURN QUERY SELECT a.ord, NULL::text, false, 'not_enough_stock', a.wanted, a.free
                   FROM stock_apply(v_legs) AS a;
    IF FOUND THEN RETURN; END IF;

    -- 5. the holds; the rest first, because it is made of the hold as it was
    INSERT INTO hold (site_id, id, owner_id, sku_id, segment, kind, state, units, demand_id,
                      group_id, parent_id, expires_at, location_id, handling_unit_id, lot)
      SELECT s.site_id, s.rest_id, s.owner_id, s.sku_id, s.segment, h.kind, s.to_state, s.units,
             h.demand_id, h.group_id, h.id, h.expires_at, s.to_location_id, s.to_unit_id, s.lot
        FROM unnest(v_steps) AS s
        JOIN hold h ON h.site_id = s.site_id AND h.id = s.hold_id
       WHERE s.rest_id IS NOT NULL;
    UPDATE hold h SET state = s.to_state, units = s.units, location_id = s.to_location_id,
                      handling_unit_id = s.to_unit_id, lot = s.lot, changed_at = now()
      FROM unnest(v_steps) AS s
     WHERE s.rest_id IS NULL AND h.site_id = s.site_id AND h.id = s.hold_id;
    INSERT INTO stock_command (site_id, command_id, kind, asked, hold_id, state)
      SELECT x.site_id, x.command_id, 'ADVANCE', x.asked, x.hold_id, x."to"
        FROM jsonb_to_recordset(p_lines) AS x(
          ord int, command_id uuid, site_id uuid, hold_id uuid, "to" text, asked uuid)
       WHERE x.ord IN (SELECT s.ord FROM unnest(v_steps) AS s)
      ON CONFLICT (site_id, command_id) DO NOTHING;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    IF v_count <> (SELECT count(DISTINCT s.ord) FROM unnest(v_steps) AS s) THEN
      RAISE EXCEPTION 'a command id is being used by another transaction'
        USING ERRCODE = 'serialization_failure';
    END IF;
  END IF;

  -- 6. the answers
  RETURN QUERY
    SELECT x.ord, c.state, coalesce(x.ord <> ALL (
             SELECT s.ord FROM unnest(v_steps) AS s), true), NULL::text, NULL::bigint, NULL::bigint
      FROM jsonb_to_recordset(p_lines) AS x(ord int, site_id uuid, command_id uuid)
      JOIN stock_command c ON c.site_id = x.site_id AND c.command_id = x.command_id
     ORDER BY x.ord;
END $$;
