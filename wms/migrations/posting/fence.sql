-- Row-level security, the second fence: who comes for some sites or owners sees theirs alone.
--
--   soko_house   what the pool acts as: every row; inherits what soko_app may do to the tables
--   soko_app     what a request for some sites or owners acts as: the rows in its reach, which it
--                says by soko.sites and soko.owners ('*' or ids); without them no row at all
--
-- The first fence is the code's. FORCE: whoever owns the tables is under the policies too.
DO $$ BEGIN
  CREATE ROLE soko_house NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
GRANT soko_app TO soko_house;
GRANT soko_house TO CURRENT_USER;

CREATE FUNCTION reach_has(p_setting text, p_id uuid) RETURNS boolean STABLE PARALLEL SAFE
LANGUAGE sql RETURN current_setting(p_setting, true) = '*'
  OR p_id = ANY (string_to_array(nullif(current_setting(p_setting, true), '*'), ',')::uuid[]);

-- Puts a table behind the fence; a table that comes later is put there by its own migration:
--   SELECT reach_fence('my_table')
-- By its columns: an owner's; an order's, an ASN's, an invoice's, which are an owner's; a SKU's,
-- likewise; or only a site's: that is for those alone who may see all owners. A table that says
-- nothing of these is the house's own.
CREATE FUNCTION reach_fence(p_table regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_has CONSTANT text[] := ARRAY(SELECT a.attname FROM pg_attribute a
    WHERE a.attrelid = p_table AND a.attnum > 0 AND NOT a.attisdropped);
  v_name CONSTANT text := (SELECT c.relname FROM pg_class c WHERE c.oid = p_table);
  v_rules text[] := '{}';
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', p_table);
  EXECUTE format('CREATE POLICY house ON %s TO soko_house USING (true)', p_table);
  IF v_name = 'outbox' THEN  -- what happens is told; who is limited reads none of it
    CREATE POLICY tenant ON outbox FOR INSERT TO soko_app
      WITH CHECK (current_setting('soko.owners', true) <> '');
    RETURN;
  END IF;
  IF v_name = 'contact' THEN  -- whose order is theirs
    CREATE POLICY tenant ON contact TO soko_app
      USING (EXISTS (SELECT 1 FROM customer_order o WHERE o.contact_id = contact.id));
    RETURN;
  END IF;
  IF v_has @> '{site_id}' THEN
    v_rules := v_rules || 'reach_has(''soko.sites'', site_id)'::text;
  END IF;
  v_rules := v_rules || CASE
    WHEN v_name = 'owner' THEN 'reach_has(''soko.owners'', id)'
    WHEN v_has @> '{owner_id}' THEN 'reach_has(''soko.owners'', owner_id)'
    WHEN v_has @> '{order_id}' AND v_name <> 'wait' THEN
      'EXISTS (SELECT 1 FROM customer_order o WHERE o.id = order_id)'
    WHEN v_has @> '{asn_id}' THEN
      format('EXISTS (SELECT 1 FROM asn a WHERE a.site_id = %I.site_id AND a.id = asn_id)', v_name)
    WHEN v_has @> '{invoice_id}' THEN
      'EXISTS (SELECT 1 FROM invoice i WHERE i.id = invoice_id)'
    WHEN v_has @> '{sku_id}' THEN 'EXISTS (SELECT 1 FROM sku k WHERE k.id = sku_id)'
    WHEN v_has @> '{site_id}' THEN 'current_setting(''soko.owners'', true) = ''*'''
    ELSE 'false'
  END;
  EXECUTE format('CREATE POLICY tenant ON %s TO soko_app USING (%s)', p_table,
                 array_to_string(v_rules, ' AND '));
END $$;

-- What everybody may know is not behind it: which sites, carriers and rules there are.
DO $$
DECLARE
  v_table regclass;
BEGIN
  FOR v_table IN
    SELECT c.oid FROM pg_class c
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
       AND NOT c.relispartition
       AND c.relname NOT IN ('alembic_version', 'carrier', 'hold_transition', 'site',
                             'site_calendar', 'shipping_table', 'return_policy',
                             'sourcing_policy')
  LOOP
    PERFORM reach_fence(v_table);
  END LOOP;
  -- rows are reached through the whole, whose policies count; by its parts nobody gets any
  FOR v_table IN
    SELECT c.oid FROM pg_class c WHERE c.relispartition AND c.relkind = 'r'
  LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', v_table);
  END LOOP;
END $$;

-- Whether a process may be given work depends on how old the schema is (wms.api.health).
GRANT SELECT ON alembic_version TO soko_app;
