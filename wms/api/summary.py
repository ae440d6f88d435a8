"""Every counter of the day, in a few statements: the read module of the console."""

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

FINAL = ("SHIPPED", "BACKORDERED", "CANCELLED", "RETURNED", "SERVICE")

_LINES = text(
    "SELECT state, count(*) FROM (SELECT state FROM order_line"
    " UNION ALL SELECT state FROM return_line) AS l GROUP BY state"
)
_ORDERS = text(
    "SELECT CASE WHEN NOT o.closed THEN 'OPEN' WHEN o.shipped_at IS NOT NULL THEN 'SHIPPED'"
    " WHEN EXISTS (SELECT 1 FROM order_line l WHERE l.order_id = o.id AND"
    " l.state = 'BACKORDERED') THEN 'BACKORDERED'"
    " WHEN EXISTS (SELECT 1 FROM order_line l WHERE l.order_id = o.id AND"
    " l.state = 'CANCELLED') THEN 'CANCELLED' ELSE 'CLOSED' END AS status, count(*)"
    " FROM customer_order o GROUP BY 1"
)
_UNITS = text(
    "SELECT coalesce(sum(units), 0) FROM allocation WHERE state IN ('SHIPPED', 'DELIVERED')"
)
_RETURNS = text("SELECT count(*), count(*) FILTER (WHERE NOT closed) FROM customer_return")
_PARCELS = text(
    "SELECT count(*) AS parcels, count(DISTINCT order_id) AS orders,"
    " count(*) FILTER (WHERE to_site_id IS NOT NULL) AS to_sites,"
    " count(*) FILTER (WHERE passages_out > 0) AS gate_passages,"
    " count(*) FILTER (WHERE reads > 0 OR sorts > 0) AS sorted_seen,"
    " coalesce(sum(reads), 0) AS reads,"
    " count(*) FILTER (WHERE state IN ('SHIPPED', 'DELIVERED')) AS shipped FROM parcel"
)
_PARCEL_STATES = text("SELECT state, count(*) FROM parcel GROUP BY state")
_SPLIT = text(
    "SELECT coalesce(avg(CASE WHEN sites > 1 THEN 1.0 ELSE 0.0 END), 0) FROM"
    " (SELECT order_id, count(DISTINCT site_id) AS sites FROM parcel"
    " WHERE state IN ('SHIPPED', 'DELIVERED') GROUP BY order_id) AS o"
)
_TRANSPORTS = text(
    "SELECT count(*) FILTER (WHERE state = 'FINISHED') AS finished,"
    " count(*) FILTER (WHERE state NOT IN ('FINISHED', 'FAILED', 'WITHDRAWN')) AS open,"
    " count(*) FILTER (WHERE state = 'FAILED') AS failed,"
    " coalesce(sum(metres), 0) AS metres FROM transport"
)
_SHIP_TIME = text(
    "SELECT percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY"
    " extract(epoch FROM shipped_at - placed_at)::double precision)"
    " FROM customer_order WHERE shipped_at IS NOT NULL"
)
_TASKS = text(
    "SELECT kind, count(*) FROM task WHERE state NOT IN ('DONE', 'CANCELLED') GROUP BY kind"
)
_HOUSE = text("""
SELECT (SELECT count(*) FROM asn) AS deliveries,
       (SELECT count(*) FROM asn WHERE state IN ('EXPECTED', 'ARRIVED')) AS deliveries_open,
       (SELECT count(*) FROM receipt WHERE reversed_at IS NULL) AS receipts,
       (SELECT count(*) FROM putaway WHERE state = 'DONE') AS putaways,
       (SELECT count(*) FROM putaway WHERE state IN ('OPEN', 'MOVING')) AS putaways_open,
       (SELECT count(*) FROM stock_count WHERE ended_at IS NOT NULL) AS counts,
       (SELECT coalesce(sum(done), 0) FROM print_job) AS labels,
       (SELECT count(*) FROM parcel WHERE weighed_g > 0) AS parcels_weighed
""")
_COUNTERS = text("SELECT name, sum(value) FROM site_counter WHERE site_id = :hub GROUP BY name")
_PICKS = text(
    "SELECT name, sum(value) FROM site_counter WHERE name LIKE 'picks_by_%' GROUP BY name"
)
_ALARMS = text("SELECT count(*) FROM exception_report WHERE active")


def summary(session: Session, hub: UUID) -> dict[str, Any]:
    """All counters, as the console and the demo show them."""
    lines = {state: int(n) for state, n in session.execute(_LINES)}
    orders = {status: int(n) for status, n in session.execute(_ORDERS)}
    returns, returns_open = session.execute(_RETURNS).one()
    counters = {name: int(n) for name, n in session.execute(_COUNTERS, {"hub": hub})}
    picks = {name: int(n) for name, n in session.execute(_PICKS)}
    tasks = {kind: int(n) for kind, n in session.execute(_TASKS)}
    p50, p99 = session.execute(_SHIP_TIME).scalar() or (None, None)
    return {
        "orders": sum(orders.values()),
        "orders_by_status": orders,
        "orders_open": orders.get("OPEN", 0),
        "returns": int(returns),
        "returns_open": int(returns_open),
        "lines": sum(lines.values()),
        "lines_open": lines.get("OPEN", 0),
        **{f"lines_{state.lower()}": lines.get(state, 0) for state in FINAL},
        "units_shipped": int(session.execute(_UNITS).scalar_one()),
        **_of_parcels(session),
        **_of_transports(session),
        **{name: int(n) for name, n in session.execute(_HOUSE).mappings().one().items()},
        "picks_by_robot": picks.get("picks_by_robot", 0),
        "picks_by_person": picks.get("picks_by_person", 0),
        "sorter_reads": counters.get("sorter_reads", 0),
        "sorter_no_reads": counters.get("sorter_no_reads", 0),
        "recirculations": counters.get("recirculations", 0),
        "gate_passages_raw": counters.get("gate_passages_raw", 0),
        "tasks_open": sum(tasks.values()),
        "tasks_by_kind": tasks,
        "exceptions": int(session.execute(_ALARMS).scalar_one()),
        "order_to_ship_p50_s": p50,
        "order_to_ship_p99_s": p99,
    }


def _of_parcels(session: Session) -> dict[str, Any]:
    row = session.execute(_PARCELS).one()
    states = {state: int(n) for state, n in session.execute(_PARCEL_STATES)}
    return {
        "parcels": int(row.parcels),
        "parcels_to_stores": int(row.to_sites),
        "parcels_by_status": states,
        "parcels_shipped": int(row.shipped),
        "parcels_delivered": states.get("DELIVERED", 0),
        "parcels_line_haul": states.get("LINE_HAUL", 0),
        "parcels_sorted_seen": int(row.sorted_seen),
        "parcels_per_order": round(row.parcels / row.orders, 4) if row.orders else 0.0,
        "split_rate": round(float(session.execute(_SPLIT).scalar_one()), 4),
        "gate_passages": int(row.gate_passages),
    }


def _of_transports(session: Session) -> dict[str, Any]:
    row = session.execute(_TRANSPORTS).one()
    return {
        "robot_missions": int(row.finished),
        "robot_missions_failed": int(row.failed),
        "transports_open": int(row.open),
        "robot_metres": round(float(row.metres), 1),
    }
