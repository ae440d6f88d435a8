-- Goods with serial numbers and goods by weight, one leg after the other: what is wrong with a
-- leg is written into it, and what its goods weigh. Legs of other goods are as they were.
--
-- What weighs: of a place with U units and W grams, n units take W * n / U with them, the last ones
-- all that is left. A measured weight counts instead; when it empties the place, the difference is
-- the leg's variance, so that what is left in an empty place weighs nothing.
CREATE FUNCTION stock_judge(p_legs stock_leg[]) RETURNS stock_leg[]
SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET enable_material = off LANGUAGE plpgsql AS $$
DECLARE
  g stock_leg;
  v_here jsonb := '{}';   -- units and grams by place, as the legs before have left them
  v_seen jsonb := '{}';   -- serials that the legs before name
  v_from text;
  v_to text;
  v_units bigint;
  v_weight bigint;
  v_left bigint;
  v_found bigint;
BEGIN
  FOR i IN 1 .. coalesce(cardinality(p_legs), 0) LOOP
    g := p_legs[i];
    IF g.tracking IN ('SERIAL', 'BOTH') AND (g.units > 0 OR g.serials IS NOT NULL) THEN
      IF g.units > 0 AND coalesce(cardinality(g.serials), 0) <> g.units OR '' = ANY (g.serials) THEN
        g.fault := coalesce(g.fault, 'serial_missing');
      ELSIF v_seen ?| ARRAY(SELECT g.sku_id || ' ' || n FROM unnest(g.serials) AS n)
         OR cardinality(g.serials) <> (SELECT count(DISTINCT n) FROM unnest(g.serials) AS n) THEN
        g.fault := coalesce(g.fault, 'serial_duplicate');
      ELSIF g.comes_in THEN
        IF EXISTS (SELECT 1 FROM serial s WHERE s.sku_id = g.sku_id AND s.serial = ANY (g.serials)
                      AND s.owner_id = g.owner_id) THEN
          g.fault := coalesce(g.fault, 'serial_duplicate');
        END IF;
      ELSE
        SELECT count(*), count(*) FILTER (
                 WHERE s.location_id = g.from_location_id AND s.handling_unit_id = g.from_unit_id
                   AND s.lot = g.lot AND s.condition = g.from_condition
                   AND s.hold_id IS NOT DISTINCT FROM g.tied_to)
          INTO v_units, v_found
          FROM serial s WHERE s.site_id = g.site_id AND s.owner_id = g.owner_id
           AND s.sku_id = g.sku_id AND s.serial = ANY (g.serials);
        IF v_units < cardinality(g.serials) THEN
          g.fault := coalesce(g.fault, 'serial_unknown');
        ELSIF v_found < cardinality(g.serials) THEN
          g.fault := coalesce(g.fault, 'serial_elsewhere');
        END IF;
      END IF;
      IF g.fault IS NULL THEN
        v_seen := v_seen || (SELECT jsonb_object_agg(g.sku_id || ' ' || n, 1)
                               FROM unnest(g.serials) AS n);
      END IF;
    END IF;

    IF g.catch_weight AND g.units > 0 THEN
      v_from := concat_ws(' ', g.from_location_id, g.from_unit_id, g.owner_id, g.sku_id,
                          g.from_condition, g.lot);
      v_to := concat_ws(' ', g.to_location_id, g.to_unit_id, g.owner_id, g.sku_id,
                        g.to_condition, g.lot);
      IF g.comes_in THEN
        v_left := g.weight_g;
        IF v_left IS NULL THEN
          g.fault := coalesce(g.fault, 'weight_missing');
        END IF;
      ELSE
        SELECT coalesce((v_here -> v_from ->> 0)::bigint, q.units, 0),
               coalesce((v_here -> v_from ->> 1)::bigint, q.weight_g, 0)
          INTO v_units, v_weight
          FROM (SELECT) AS one LEFT JOIN quant q ON q.site_id = g.site_id
           AND q.location_id = g.from_location_id AND q.handling_unit_id = g.from_unit_id
           AND q.sku_id = g.sku_id AND q.owner_id = g.owner_id AND q.lot = g.lot
           AND q.condition = g.from_condition;
        IF g.units > v_units THEN
          g.fault := coalesce(g.fault, 'not_enough_stock');
        ELSIF g.units = v_units THEN
          v_left := v_weight;
        ELSE
          v_left := least(coalesce(g.weight_g, v_weight * g.units / v_units), v_weight);
        END IF;
        IF g.fault IS NULL THEN
          v_here := v_here
            || jsonb_build_object(v_from, ARRAY[v_units - g.units, v_weight - v_left]);
        END IF;
      END IF;
      IF g.fault IS NULL THEN
        g.weight_g := coalesce(g.weight_g, v_left);
        g.variance_g := g.weight_g - v_left;
        SELECT coalesce((v_here -> v_to ->> 0)::bigint, q.units, 0),
               coalesce((v_here -> v_to ->> 1)::bigint, q.weight_g, 0)
          INTO v_units, v_weight
          FROM (SELECT) AS one LEFT JOIN quant q ON q.site_id = g.site_id
           AND q.location_id = g.to_location_id AND q.handling_unit_id = g.to_unit_id
           AND q.sku_id = g.sku_id AND q.owner_id = g.owner_id AND q.lot = g.lot
           AND q.condition = g.to_condition;
        v_here := v_here
          || jsonb_build_object(v_to, ARRAY[v_units + g.units, v_weight + g.weight_g]);
      END IF;
    ELSIF NOT g.catch_weight THEN
      g.weight_g := 0;
    END IF;
    p_legs[i] := g;
  END LOOP;
  RETURN p_legs;
END $$;
