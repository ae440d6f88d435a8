-- What people and systems did that is no movement: written with the deed, never changed, sealed.
CREATE TABLE audit_event (
  id uuid NOT NULL,
  at timestamptz NOT NULL,
  kind text NOT NULL,
  who text NOT NULL,
  what text NOT NULL,
  subject text NOT NULL DEFAULT '',
  facts jsonb NOT NULL DEFAULT '{}',
  address text NOT NULL DEFAULT '',
  xid bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
  CONSTRAINT pk_audit_event PRIMARY KEY (id),
  CONSTRAINT ck_audit_event_kind CHECK (kind IN (
    'sign_in', 'sign_in_failed', 'sign_out', 'rights', 'config', 'override', 'export', 'command'))
);
CREATE INDEX ix_audit_event_at ON audit_event (at, id);
CREATE INDEX ix_audit_event_xid ON audit_event (xid);
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE ON audit_event
  FOR EACH ROW EXECUTE FUNCTION written_once();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON audit_event
  FOR EACH STATEMENT EXECUTE FUNCTION written_once();
REVOKE UPDATE, DELETE, TRUNCATE ON audit_event FROM soko_app;

CREATE FUNCTION seal_of_audit(a audit_event) RETURNS bytea STABLE PARALLEL SAFE
LANGUAGE sql RETURN sha256(record_send(ROW(3, a.id, a.at, a.kind, a.who, a.what, a.subject,
  a.facts, a.address, a.xid)));

-- As before (proof.sql), and audit events too.
CREATE OR REPLACE FUNCTION seal_content(p_from bigint, p_to bigint, OUT rows bigint,
                                        OUT content bytea)
STABLE PARALLEL SAFE LANGUAGE plpgsql AS $$
BEGIN
  IF pg_client_encoding() <> 'UTF8' THEN
    RAISE EXCEPTION 'seals are made in UTF8, not in %', pg_client_encoding();
  END IF;
  SELECT count(*), sha256(coalesce(string_agg(r.hash, ''::bytea ORDER BY r.hash), ''::bytea))
    INTO rows, content
    FROM (SELECT seal_of_movement(m) AS hash FROM movement m
           WHERE m.xid >= p_from AND m.xid < p_to
          UNION ALL
          SELECT seal_of_checkpoint(c) FROM stock_checkpoint c
           WHERE c.xid >= p_from AND c.xid < p_to
          UNION ALL
          SELECT seal_of_audit(a) FROM audit_event a
           WHERE a.xid >= p_from AND a.xid < p_to) AS r;
END $$;
