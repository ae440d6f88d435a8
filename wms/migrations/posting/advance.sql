-- Advancing holds: one step each. hold_transition says what a step does.

-- One hold's change, worked out: the line's own hold, or the rest of it as a hold of its own.
CREATE TYPE stock_step AS (
  ord int,
  command_id uuid,
  asked uuid,
  site_id uuid,
  hold_id uuid,           -- the hold that the line names
  rest_id uuid,           -- the new hold, for the rest; else null
  from_state text,
  to_state text,
  units bigint,
  is_part boolean,        -- the hold has more units than these
  owner_id uuid,
  sku_id uuid,
  segment text,
  lot text,
  from_location_id uuid,
  from_unit_id uuid,
  to_location_id uuid,    -- null: in no place of its own any more
  to_unit_id uuid,
  moves boolean,
  goes_out boolean,
  reserved int,
  allocated int,
  pinned int,
  actor text,
  reason text,
  occurred_at timestamptz,
  hold_kind text,
  supply_id uuid,
  tracking text,
  catch_weight boolean,
  weight_g bigint,
  serials text[],
  lots text[],            -- where it may be pinned: the lots there, the first to expire first
  lots_free bigint[],
  fault text,
  done boolean            -- its command had its effect before
);

-- Which lot each pin takes: the first to expire that has enough left for it, one line after the
-- other. Lots only matter where there are several.
CREATE FUNCTION stock_choose_lots(p_steps stock_step[]) RETURNS stock_step[]
SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET enable_material = off LANGUAGE plpgsql AS $$
DECLARE
  s stock_step;
  v_taken jsonb := '{}';
  v_key text;
  v_left bigint;
BEGIN
  FOR i IN 1 .. cardinality(p_steps) LOOP
    s := p_steps[i];
    CONTINUE WHEN s.pinned IS DISTINCT FROM 1 OR s.lots IS NULL OR s.fault IS NOT NULL;
    FOR j IN 1 .. cardinality(s.lots) LOOP
      v_key := concat_ws(' ', s.to_location_id, s.to_unit_id, s.owner_id, s.sku_id, s.segment,
                         s.lots[j]);
      v_left := s.lots_free[j] - coalesce((v_taken ->> v_key)::bigint, 0);
      IF s.units <= v_left THEN
        s.lot := s.lots[j];
        v_taken := v_taken || jsonb_build_object(v_key, s.lots_free[j] - v_left + s.units);
        EXIT;
      END IF;
    END LOOP;
    p_steps[i] := s;
  END LOOP;
  RETURN p_steps;
END $$;

-- Which serials each step takes with it. Who picks says which, and who parts a hold. Otherwise all
-- of the hold go; and when goods are missing and nobody can say which, the first by their number:
-- a count puts it right.
CREATE FUNCTION stock_choose_serials(p_steps stock_step[]) RETURNS stock_step[]
SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET enable_material = off LANGUAGE plpgsql AS $$
DECLARE
  s stock_step;
  v_taken text[];
BEGIN
  SELECT array_agg(n) INTO v_taken FROM unnest(p_steps) AS x CROSS JOIN unnest(x.serials) AS n
   WHERE x.rest_id IS NULL;
  FOR i IN 1 .. cardinality(p_steps) LOOP
    s := p_steps[i];
    CONTINUE WHEN s.tracking NOT IN ('SERIAL', 'BOTH') OR s.fault IS NOT NULL;
    IF s.from_state = 'PINNED' THEN
      IF s.moves AND s.to_state <> 'PICKED' AND (s.serials IS NULL OR s.rest_id IS NOT NULL) THEN
        SELECT array_agg(f.serial) INTO s.serials FROM (
          SELECT r.serial FROM serial r
           WHERE r.site_id = s.site_id AND r.owner_id = s.owner_id AND r.sku_id = s.sku_id
             AND r.location_id = s.from_location_id AND r.handling_unit_id = s.from_unit_id
             AND r.lot = s.lot AND r.condition = s.segment AND r.hold_id IS NULL
             AND r.serial <> ALL (coalesce(v_taken, '{}'))
           ORDER BY r.serial LIMIT s.units) AS f;
        v_taken := v_taken || s.serials;
      ELSIF NOT s.moves OR s.rest_id IS NOT NULL THEN
        s.serials := NULL;
      END IF;
    ELSIF s.from_state IN ('PICKED', 'PACKED', 'SHIPPED') THEN
      IF s.rest_id IS NOT NULL THEN
        SELECT array_agg(r.serial ORDER BY r.serial) INTO s.serials FROM serial r
         WHERE r.site_id = s.site_id AND r.hold_id = s.hold_id
           AND r.serial <> ALL (coalesce(s.serials, '{}'));
      ELSIF s.serials IS NULL AND NOT s.is_part THEN
        SELECT array_agg(r.serial ORDER BY r.serial) INTO s.serials FROM serial r
         WHERE r.site_id = s.site_id AND r.hold_id = s.hold_id;
      END IF;
    ELSE
      s.serials := NULL;
    END IF;
    p_steps[i] := s;
  END LOOP;
  RETURN p_steps;
END $$;

-- All lines or none; with p_each, each for itself: a line with a fault is left out.
CREATE FUNCTION stock_advance(p_lines jsonb, p_each boolean DEFAULT false)
RETURNS TABLE (ord int, state text, replayed boolean, fault text, wanted bigint, free bigint)
SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET enable_material = off LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  c_nil CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
  v_steps stock_step[];
  v_legs stock_leg[];
  v_bad int[];
  v_count int;
BEGIN
  -- 1. lock
  PERFORM stock_lock(p_lines, '{}', '{}', '{}');

  -- 2. the steps: for each line its own, and one for the rest; and what is wrong with it
  SELECT array_agg(z.step ORDER BY (z.step).ord, (z.step).rest_id NULLS FIRST) INTO v_steps FROM (
    WITH line AS MATERIALIZED (
      SELECT x.*, c.command_id IS NOT NULL AS done, c.asked AS asked_then, c.state AS done_state,
             h.id IS NOT NULL AS known, h.state AS from_state, h.units AS all_units,
             coalesce(x.units, h.units) AS some, h.owner_id, h.sku_id, h.segment,
             h.lot AS hold_lot, h.kind AS hold_kind, h.location_id AS here,
             h.handling_unit_id AS in_unit, h.supply_id, h.expires_at, k.tracking, k.catch_weight
        FROM jsonb_to_recordset(p_lines) AS x(
          ord int, command_id uuid, site_id uuid, hold_id uuid, "to" text, units bigint,
          rest_hold_id uuid, rest_state text, location_id uuid, handling_unit_id uuid, lot text,
          serials text[], weight_g bigint, actor text, reason text, occurred_at timestamptz,
          asked uuid)
        LEFT JOIN stock_command c ON c.site_id = x.site_id AND c.command_id = x.command_id
        LEFT JOIN hold h ON h.site_id = x.site_id AND h.id = x.hold_id
        LEFT JOIN sku k ON k.id = h.sku_id),
    part AS (
      SELECT i.*, NULL::uuid AS rest_id, i."to" AS to_state, i.some AS n, i.location_id AS named,
             i.handling_unit_id AS named_unit
        FROM line i
      UNION ALL
      SELECT i.*, i.rest_hold_id,
             CASE WHEN i.rest_state = 'SAME' THEN i.from_state ELSE i.rest_state END,
             i.all_units - i.some, NULL, NULL
        FROM line i WHERE i.some < i.all_units AND NOT i.done)
    SELECT ROW(p.ord, p.command_id, p.asked, p.site_id, p.hold_id, p.rest_id,
        CASE WHEN p.done THEN p.done_state ELSE p.from_state END, p.to_state,
        p.n, p.some < p.all_units, p.owner_id, p.sku_id, p.segment,
        CASE WHEN t.pinned = 1 THEN coalesce(g.lots[1], p.lot, '') ELSE p.hold_lot END,
        p.here, p.in_unit,
        CASE WHEN p.rest_id IS NOT NULL AND p.to_state = p.from_state THEN p.here
             WHEN t.counters IS NOT NULL THEN coalesce(v.id, l.id) END,
        CASE WHEN p.rest_id IS NOT NULL AND p.to_state = p.from_state THEN p.in_unit
             WHEN t.counters IS NULL THEN c_nil
             WHEN p.named_unit IS NULL AND p.to_state = 'SHIPPED' THEN p.in_unit
             ELSE coalesce(p.named_unit, c_nil) END,
        t.place IS NOT NULL, coalesce(v.counter, l.counter) = 'outside' AND t.place IS NOT NULL,
        CASE WHEN p.supply_id IS NULL THEN coalesce(t.reserved, 0) ELSE 0 END,
        coalesce(t.allocated, 0), coalesce(t.pinned, 0), p.actor, p.reason, p.occurred_at,
        p.hold_kind, p.supply_id, p.tracking, p.catch_weight,
        CASE WHEN p.rest_id IS NULL THEN p.weight_g END,
        CASE WHEN cardinality(p.serials) > 0 THEN p.serials END, g.lots, g.free,
        CASE
          WHEN p.done THEN CASE WHEN p.asked_then <> p.asked THEN 'id_reused' END
          WHEN p.rest_id IS NOT NULL THEN CASE
            WHEN t.to_state IS NULL AND p.to_state <> p.from_state THEN 'wrong_state'
            WHEN EXISTS (SELECT 1 FROM hold o WHERE o.site_id = p.site_id AND o.id = p.rest_id)
              THEN 'id_reused' END
          WHEN NOT p.known THEN 'not_found'
          WHEN t.to_state IS NULL OR p.supply_id IS NOT NULL AND p."to" = 'ALLOCATED'
            THEN 'wrong_state'
          -- a hold whose time has run out is over, whether somebody has tidied up or not
          WHEN p.from_state = 'HELD' AND p."to" = 'ALLOCATED'
            AND p.expires_at <= stock_now(p.occurred_at) THEN 'overdue'
          WHEN p.some NOT BETWEEN 1 AND p.all_units
            OR p.some < p.all_units AND p.rest_hold_id IS NULL THEN 'units_out_of_range'
          WHEN t.counters IS NOT NULL AND coalesce(v.counter, l.counter, '') <> ALL (t.counters)
            THEN 'wrong_location'
          WHEN p.to_state = p.from_state AND coalesce(v.id, l.id) = p.here
            AND coalesce(p.named_unit, c_nil) = p.in_unit THEN 'wrong_location'
          WHEN g.lots IS NULL AND g.why IS NOT NULL THEN g.why
          WHEN p.serials <> '{}' AND p.tracking NOT IN ('SERIAL', 'BOTH') THEN 'serial_unwanted'
          WHEN p.weight_g IS NOT NULL AND NOT p.catch_weight THEN 'weight_unwanted'
        END, p.done)::stock_step AS step
      FROM part p
      LEFT JOIN LATERAL (
        SELECT h.* FROM hold_transition h
         WHERE h.from_state = p.from_state AND h.to_state = p.to_state
        UNION ALL  -- what is picked may be put elsewhere: into a slot of the put wall, another tote
        SELECT 'PICKED', 'PICKED', 0, 0, 0, '@TOTE', '{picked}'::text[]
         WHERE p.rest_id IS NULL AND p.from_state = 'PICKED' AND p.to_state = 'PICKED'
           AND (p.named IS NOT NULL OR p.named_unit IS NOT NULL)) AS t ON true
      LEFT JOIN location l ON l.site_id = p.site_id AND l.id = p.named
      LEFT JOIN location v ON v.site_id = p.site_id AND v.code = CASE
        WHEN t.pinned = 1 AND p.named_unit IS NOT NULL THEN '@UNITS'
        WHEN p.named IS NULL THEN t.place
        WHEN p.named_unit IS NOT NULL THEN unit_account(l.counter) END
      LEFT JOIN LATERAL (
        SELECT array_agg(f.lot ORDER BY f.expires_on, f.lot) FILTER (WHERE f.why IS NULL) AS lots,
               array_agg(f.free ORDER BY f.expires_on, f.lot) FILTER (WHERE f.why IS NULL) AS free,
               max(f.why) AS why
          FROM (
            SELECT q.lot, q.units - q.pinned AS free, b.expires_on, CASE
                     WHEN b.status = 'BLOCKED' THEN 'lot_blocked'
                     WHEN b.expires_on < (stock_now(p.occurred_at) AT TIME ZONE i.time_zone)::date
                       THEN 'lot_expired' END AS why
              FROM quant q
              LEFT JOIN lot b ON b.sku_id = q.sku_id AND b.code = q.lot
              LEFT JOIN site i ON i.id = q.site_id AND b.expires_on IS NOT NULL
             WHERE t.pinned = 1 AND q.site_id = p.site_id
               AND q.location_id = coalesce(v.id, l.id)
               AND q.sku_id = p.sku_id AND q.owner_id = p.owner_id
               AND q.handling_unit_id = coalesce(p.named_unit, c_nil) AND q.condition = p.segment
               AND q.units > 0 AND (p.lot IS NULL OR q.lot = p.lot)) AS f) AS g ON true
  ) AS z;

  -- 3. what is wrong by itself
  RETURN QUERY
    SELECT DISTINCT ON (s.ord) s.ord, CASE s.fault WHEN 'overdue' THEN 'EXPIRED'
             ELSE s.from_state END, false,
           CASE s.fault WHEN 'overdue' THEN 'wrong_state' ELSE s.fault END, s.units, NULL::bigint
      FROM unnest(v_steps) AS s WHERE s.fault IS NOT NULL ORDER BY s.ord, s.rest_id NULLS FIRST;
  IF FOUND AND NOT p_each THEN RETURN; END IF;
  SELECT array_agg(DISTINCT s.ord) INTO v_bad FROM unnest(v_steps) AS s WHERE s.fault IS NOT NULL;
  RETURN QUERY
    SELECT s.ord, s.from_state, true, NULL::text, NULL::bigint, NULL::bigint
      FROM unnest(v_steps) AS s WHERE s.done AND s.ord <> ALL (coalesce(v_bad, '{}'));
  SELECT array_agg(s) INTO v_steps FROM unnest(v_steps) AS s
   WHERE NOT s.done AND s.ord <> ALL (coalesce(v_bad, '{}'));
  IF v_steps IS NULL THEN RETURN; END IF;
  IF EXISTS (SELECT 1 FROM unnest(v_steps) AS s WHERE cardinality(s.lots) > 1) THEN
    v_steps := stock_choose_lots(v_steps);
  END IF;
  IF EXISTS (SELECT 1 FROM unnest(v_steps) AS s WHERE s.tracking IN ('SERIAL', 'BOTH')) THEN
    v_steps := stock_choose_serials(v_steps);
  END IF;

  -- 4. the stock; with p_each, again without the lines that lack any
  LOOP
    SELECT array_agg(ROW(s.ord, s.site_id, s.owner_id, s.sku_id, s.lot, s.segment, s.segment,
        s.from_location_id, s.from_unit_id, s.to_location_id, s.to_unit_id,
        CASE WHEN s.moves THEN s.units ELSE 0 END,
        CASE WHEN s.pinned = 1 THEN s.to_location_id ELSE s.from_location_id END,
        CASE WHEN s.pinned = 1 THEN s.to_unit_id ELSE s.from_unit_id END,
        s.pinned * s.units, s.reserved * s.units, s.allocated * s.units,
        s.hold_kind, s.command_id, 'HOLD', coalesce(s.rest_id, s.hold_id), s.actor, s.reason,
        s.occurred_at, false, s.goes_out, s.tracking, s.catch_weight,
        CASE WHEN s.catch_weight THEN s.weight_g ELSE 0 END, 0, s.serials,
        CASE WHEN s.from_state <> 'PINNED' THEN s.hold_id END,
        CASE WHEN s.to_state IN ('PICKED', 'PACKED', 'SHIPPED')
             THEN coalesce(s.rest_id, s.hold_id) END,
        NULL)::stock_leg)
      INTO v_legs FROM unnest(v_steps) AS s;
    EXIT WHEN v_legs IS NULL;
    IF EXISTS (SELECT 1 FROM unnest(v_steps) AS s
                WHERE s.tracking IN ('SERIAL', 'BOTH') OR s.catch_weight) THEN
      v_legs := stock_judge(v_legs);
    END IF;
    v_bad := '{}';
    FOR ord, fault, wanted, free IN
      SELECT DISTINCT ON (g.ord) g.ord, g.fault, g.units, 0 FROM unnest(v_legs) AS g
       WHERE g.fault IS NOT NULL ORDER BY g.ord
    LOOP
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
    SELECT array_agg(s) INTO v_steps FROM unnest(v_steps) AS s WHERE s.ord <> ALL (v_bad);
  END LOOP;
  IF v_steps IS NULL THEN RETURN; END IF;

  -- 5. the holds; the rest first, because it is made of the hold as it was
  INSERT INTO hold (site_id, id, owner_id, sku_id, segment, kind, channel, state, supply_id, units,
                    demand_id, group_id, parent_id, expires_at, location_id, handling_unit_id, lot)
    SELECT s.site_id, s.rest_id, s.owner_id, s.sku_id, s.segment, h.kind, h.channel, s.to_state,
           h.supply_id, s.units, h.demand_id, h.group_id, h.id, h.expires_at, s.to_location_id,
           s.to_unit_id, s.lot
      FROM unnest(v_steps) AS s
      JOIN hold h ON h.site_id = s.site_id AND h.id = s.hold_id
     WHERE s.rest_id IS NOT NULL;
  UPDATE hold h SET state = s.to_state, units = s.units, location_id = s.to_location_id,
                    handling_unit_id = s.to_unit_id, lot = s.lot, changed_at = now()
    FROM unnest(v_steps) AS s
   WHERE s.rest_id IS NULL AND h.site_id = s.site_id AND h.id = s.hold_id;
  IF EXISTS (SELECT 1 FROM unnest(v_steps) AS s WHERE s.supply_id IS NOT NULL) THEN
    UPDATE supply u SET held = u.held - d.units, changed_at = now()
      FROM (SELECT s.site_id, s.supply_id, sum(s.units) AS units FROM unnest(v_steps) AS s
             WHERE s.supply_id IS NOT NULL AND s.from_state = 'HELD' AND s.to_state <> 'HELD'
             GROUP BY 1, 2) AS d
     WHERE u.site_id = d.site_id AND u.id = d.supply_id;
  END IF;
  INSERT INTO stock_command (site_id, command_id, kind, asked, hold_id, state)
    SELECT s.site_id, s.command_id, 'ADVANCE', s.asked, s.hold_id, s.to_state
      FROM unnest(v_steps) AS s WHERE s.rest_id IS NULL
    ON CONFLICT (site_id, command_id) DO NOTHING;
  GET DIAGNOSTICS v_count = ROW_COUNT;
  IF v_count <> (SELECT count(*) FROM unnest(v_steps) AS s WHERE s.rest_id IS NULL) THEN
    RAISE EXCEPTION 'a command id is being used by another transaction'
      USING ERRCODE = 'serialization_failure';
  END IF;

  -- 6. the answers
  RETURN QUERY
    SELECT s.ord, s.to_state, false, NULL::text, NULL::bigint, NULL::bigint
      FROM unnest(v_steps) AS s WHERE s.rest_id IS NULL;
END $$;
