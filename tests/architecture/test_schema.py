"""The schema can be spread over cells, and only the posting functions write stock.

Read from pg_catalog, not from our files: what the database has is what counts. Every table is of
exactly one class; a new one belongs into the list before anything else.

    SITE        lies in the cell of its site: `site_id` leads every key
    REFERENCE   masters, the same in every cell
    HOME        lies in the cell of an order, a saga or a return, found by that id
    LOCAL       a cell's own: its outbox, its streams, its version

The same rules are those of other distributed PostgreSQL (a distribution column in every unique
index and foreign key), see docs/decisions/0014-cells.md.
"""

# ruff: noqa: S608 - nothing in these queries comes from outside

import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

SITE = {
    "location_print",
    "site_closure", "site_day", "stock_value",
    "booking", "parcel_event",
    "allocation", "arrival", "arrival_line", "pick_face", "proposal", "stock_policy",
    "channel_buffer", "exception_report", "handling_unit", "hold", "lane_alarm",
    "location", "movement", "parcel", "parcel_line", "presentation", "quant", "quant_checkpoint",
    "serial", "site_counter", "stock_balance", "stock_checkpoint", "stock_command", "supply",
    "task", "transport", "work_event", "work_place", "work_rule", "work_standard",
    "evidence", "exception_act", "alarm_shelf", "alarm_event", "site_minute", "machine_hour",
    "alarm_out_of_service",
    "count_wanted", "stock_count", "count_round", "count_line", "count_adjustment", "count_act",
    "count_policy", "count_class",
    "inbound_act", "asn", "asn_line", "asn_unit", "receipt", "inbound_policy", "dock_door",
    "dock_slot",
    "appointment", "inspection_plan", "inspection_switch", "inspection", "putaway",
    "putaway_table",
    "pick_station", "station_slot",
    "carton", "pack_rule", "pack_station", "scale_weight", "printer", "print_job", "manifest",
    "dock_load",
    "kit_order", "pick_line", "release_channel", "wave", "wave_act",
    "collection", "collection_try", "ship_request", "store_command", "store_policy", "wait",
}  # fmt: skip
REFERENCE = {
    "sourcing_policy", "sku_value", "tariff", "issuer",
    "kit", "kit_component",
    "barcode", "carrier", "contact_retention", "hold_transition", "lane_limit", "lot", "owner",
    "pack", "picture", "return_policy", "shipping_table", "site", "site_calendar", "sku",
}  # fmt: skip
HOME = {  # and the column that says whose home
    "customer_order": "id",
    "order_line": "order_id",
    "order_kit": "order_id",
    "order_promise": "order_id",
    "order_change": "order_id",
    "cart": "id",
    "cart_line": "cart_id",
    "cart_hold": "cart_id",
    "decision": "order_id",
    "shadow_decision": "order_id",
    "sourcing_exclusion": "order_id",
    "saga": "id",
    "customer_return": "id",
    "return_line": "return_id",
    "transfer": "order_id",
    "contact": "id",
    "contact_erasure": "contact_id",
    "notice": "order_id",
    "tender": "order_id",
    "refund": "order_id",
    "invoice": "id",
    "invoice_line": "invoice_id",
    "invoice_movement": "invoice_id",
    "billing_act": "id",
}
LOCAL = {
    "plan_snapshot", "plan_scenario", "plan_run", "plan_played", "plan_proposal",
    "plan_question",
    "epcis_event", "epcis_capture", "epcis_told",
    "master_import",
    "carrier_file", "carrier_health",
    "alembic_version", "inbox_position", "outbox", "outbox_consumer", "partner_cursor", "seal",
    "stream_out", "stream_sender", "webhook", "webhook_attempt", "webhook_delivery", "api_key",
    "device", "operator", "sign_in", "sign_in_try",
    "account", "account_right", "account_session", "account_try", "one_time", "audit_event",
    "second_person",
}  # fmt: skip

# What breaks a rule today, and why it may.
EXCUSED = {
    "fk_customer_return_order_id": "a return is found by its own number, often before its order "
    "is known; both are in one home until returns are placed over cells",
    "pk_work_event": "a device's event is looked up by its id alone; it lies in the cell of its "
    "device's site, and nothing refers to it",
}
# Stock: written by the posting functions alone.
STOCK = {
    "channel_buffer", "hold", "hold_transition", "movement", "quant", "quant_checkpoint", "serial",
    "stock_balance", "stock_checkpoint", "stock_command", "supply",
}  # fmt: skip
POSTING = re.compile(r"^stock_|^movement_months$")  # and what makes room for months to come
IN_NO_FUNCTION = re.compile(
    r"\bNOTIFY\b|\bpg_notify\b|\bLISTEN\b|\bpg_(?:try_)?advisory\w*|\bTEMP(?:ORARY)?\s+TABLE\b"
    r"|\bINTO\s+TEMP|\bdblink\w*|\bpg_sleep\b",
    re.IGNORECASE,
)
WRITES = ("INSERT", "UPDATE", "DELETE", "TRUNCATE")

TABLES = "c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')"
NAMES_OF = (
    "ARRAY(SELECT a.attname FROM unnest({key}) WITH ORDINALITY AS k(n, o) JOIN pg_attribute a"
)
NAMES_OF += " ON a.attrelid = {table} AND a.attnum = k.n ORDER BY k.o)"


@pytest.fixture
def schema(superuser: Engine) -> Iterator[Connection]:
    with superuser.connect() as connection:
        yield connection


def ask(schema: Connection, query: str, **facts: Any) -> Sequence[Any]:
    return schema.execute(text(query), facts).all()


def unique_indexes(schema: Connection) -> Sequence[Any]:
    """Of each unique index of a whole table: its table, name and columns."""
    columns = NAMES_OF.format(key="i.indkey::int2[]", table="i.indrelid")
    return ask(
        schema,
        f"SELECT c.relname AS table, x.relname AS name, {columns} AS columns FROM pg_index i"
        " JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid"
        f" WHERE {TABLES} AND NOT c.relispartition AND i.indisunique ORDER BY 1, 2",
    )


def foreign_keys(schema: Connection) -> Sequence[Any]:
    """Of each foreign key: its table, the table it refers to, its columns there and here."""
    here = NAMES_OF.format(key="f.conkey", table="f.conrelid")
    there = NAMES_OF.format(key="f.confkey", table="f.confrelid")
    return ask(
        schema,
        f"SELECT f.conname AS name, c.relname AS table, r.relname AS refers, {here} AS here,"
        f" {there} AS there FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid"
        f" JOIN pg_class r ON r.oid = f.confrelid WHERE f.contype = 'f' AND {TABLES}"
        " AND NOT c.relispartition ORDER BY 1",
    )


def functions(schema: Connection) -> Sequence[Any]:
    """Our functions: name, source, whether they act as their owner, and who may execute them."""
    return ask(
        schema,
        "SELECT p.proname AS name, pg_get_functiondef(p.oid) AS source, p.prosecdef AS as_owner,"
        " coalesce(array_to_string(p.proconfig, ' '), '') AS settings,"
        " has_function_privilege('soko_app', p.oid, 'EXECUTE') AS app,"
        " p.proacl IS NULL OR EXISTS (SELECT 1 FROM aclexplode(p.proacl) a WHERE a.grantee = 0)"
        " AS anybody FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace"
        " AND p.prokind IN ('f', 'p') ORDER BY 1",
    )


def test_every_table_is_of_one_class(schema: Connection):
    tables = ask(schema, f"SELECT relname FROM pg_class c WHERE {TABLES} AND NOT relispartition")
    classes = [SITE, REFERENCE, set(HOME), LOCAL]

    assert sum(map(len, classes)) == len(set.union(*classes)), "a table is in two classes"
    assert {name for (name,) in tables} == set.union(*classes), (
        "say of each table where it lies when there are several cells"
    )


def test_the_site_leads_every_key_of_what_lies_at_a_site(schema: Connection):
    keys = [key for key in unique_indexes(schema) if key.table in SITE]

    assert {key.table for key in keys} == SITE, "each has a primary key"
    bad = {key.name for key in keys if key.columns[0] != "site_id"}
    assert bad <= set(EXCUSED), (
        "unique within a site, not over all of them: no cell sees the others"
    )


def test_what_is_at_home_is_found_by_the_id_of_its_home(schema: Connection):
    keys = [key for key in unique_indexes(schema) if key.table in HOME]

    assert {key.table for key in keys} == set(HOME)
    bad = {key.name for key in keys if key.columns[0] != HOME[key.table]}
    assert bad <= set(EXCUSED), "its home's id leads the key"


def test_a_foreign_key_stays_in_its_cell(schema: Connection):
    bad = set()
    for key in foreign_keys(schema):
        if key.refers in REFERENCE:
            continue
        pairs = set(zip(key.here, key.there, strict=True))
        if key.refers in SITE:
            together = key.table in SITE and ("site_id", "site_id") in pairs
        elif key.refers in HOME:
            together = (HOME.get(key.table), HOME[key.refers]) in pairs
        else:
            together = key.table in LOCAL
        if not together:
            bad.add(key.name)
    assert bad <= set(EXCUSED), "what it refers to may lie in another cell"


def test_masters_refer_to_masters(schema: Connection):
    bad = [
        k.name for k in foreign_keys(schema) if k.table in REFERENCE and k.refers not in REFERENCE
    ]
    assert not bad, "what is in all cells cannot refer to what is in one"


def test_no_key_of_a_site_grows_at_one_end_for_all(schema: Connection):
    """An index that a sequence leads is one hot page for all sites of a distributed table."""
    leading = ask(
        schema,
        "SELECT c.relname, x.relname AS name FROM pg_index i"
        " JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]"
        " LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum"
        f" WHERE {TABLES} AND (a.attidentity <> '' OR pg_get_expr(d.adbin, c.oid) LIKE 'nextval%')",
    )
    assert not [row.name for row in leading if row.relname in SITE | set(HOME)]


def test_no_function_does_what_a_posting_must_not(schema: Connection):
    for function in functions(schema):
        code = re.sub(r"--[^\n]*", "", function.source)
        assert not IN_NO_FUNCTION.findall(code), function.name


def test_functions_that_act_as_their_owner_are_the_posting_functions_and_closed(schema: Connection):
    mighty = [function for function in functions(schema) if function.as_owner]

    assert mighty
    for function in mighty:
        assert "search_path=" in function.settings, f"{function.name}: whose tables?"
        assert not function.anybody, f"{function.name}: REVOKE ALL ... FROM PUBLIC"
        assert POSTING.match(function.name), f"{function.name} writes what the application may not"


def test_the_application_writes_no_stock_but_by_postings(schema: Connection):
    rights = ask(
        schema,
        "SELECT c.relname, p.oid IS NOT NULL AS is_part, coalesce(p.relname, c.relname) AS whole,"
        " w AS right FROM pg_class c CROSS JOIN unnest(cast(:writes AS text[])) AS w"
        " LEFT JOIN pg_inherits h ON h.inhrelid = c.oid LEFT JOIN pg_class p ON p.oid = h.inhparent"
        f" WHERE {TABLES} AND has_table_privilege('soko_app', c.oid, w)",
        writes=list(WRITES),
    )
    assert not [row for row in rights if row.whole in STOCK]
    assert {row.right for row in rights if row.whole == "handling_unit"} <= {"INSERT", "UPDATE"}
    assert {row.right for row in rights if row.whole == "saga"} <= {"INSERT", "UPDATE"}
    ours = "SELECT rolsuper OR rolcreaterole OR rolbypassrls FROM pg_roles WHERE rolname='soko_app'"
    assert schema.scalar(text(ours)) is False


def test_movements_are_written_once(schema: Connection):
    """By right (above) and by trigger, each month of them."""
    parts = ask(
        schema,
        "SELECT c.relname, bool_or(t.tgtype & 16 > 0) AS update,"
        " bool_or(t.tgtype & 8 > 0) AS delete"
        " FROM pg_class c JOIN pg_inherits h ON h.inhrelid = c.oid"
        " LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND t.tgenabled <> 'D' AND t.tgtype & 2 > 0"
        " WHERE h.inhparent = 'movement'::regclass GROUP BY 1",
    )
    assert len(parts) > 1
    assert all(part.update and part.delete for part in parts)
    emptied = (
        "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'movement'::regclass AND tgtype & 32 > 0"
    )
    assert schema.scalar(text(emptied)) == 1


def test_the_hot_row_stays_on_its_page(schema: Connection):
    """No index has a counter, and the page has room: an update of a balance is heap-only."""
    columns = NAMES_OF.format(key="i.indkey::int2[]", table="i.indrelid")
    indexes = ask(
        schema,
        f"SELECT {columns} AS columns, pg_get_indexdef(i.indexrelid) AS sql FROM pg_index i"
        " WHERE i.indrelid = 'stock_balance'::regclass",
    )
    key = {"site_id", "owner_id", "sku_id", "segment"}
    for index in indexes:
        assert set(index.columns) <= key, index.sql
        assert " WHERE " not in index.sql, "a partial index has what its condition reads"
        assert "(" not in index.sql.split("(", 1)[1], "nor an expression"
    (options,) = ask(
        schema, "SELECT reloptions FROM pg_class WHERE oid = 'stock_balance'::regclass"
    )
    fill = dict(option.split("=") for option in options.reloptions)["fillfactor"]
    assert int(fill) <= 70
