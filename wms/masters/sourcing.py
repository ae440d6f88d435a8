"""Sourcing policies as a file: what each term of the cost counts, which decides, which shadow it.

A row that differs is a new version of its policy. One is LIVE: another that becomes it turns it
off. Shares are percent.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, get_args

from sqlalchemy.orm import Session

from wms.masters.columns import Column, Fault, one_of, text, whole
from wms.masters.kind import Context, Key, Kind, Row, Values, fault
from wms.orders.policy import Method, Policy, State, Weights, policies, save_policy

USUAL = Weights()
MOST = 10_000_000
SITES = {"dc": "DC", "fc": "FC", "store": "店舗"}
SHARES = {"markdown": "値引き回避(%)", "scarcity": "希少性(%)"}
EACH = {"packing_minor": "梱包費", "unit_minor": "ピック費"}
PLAIN = {
    "split_minor": "分納費", "carton_minor": "箱代", "late_day_minor": "遅延1日",
    "day_minor": "輸送1日", "co2_minor_per_kg": "CO2単価(kg)", "keep_units": "店頭最低数",
    "balance_minor": "最終在庫の価値", "rank_percent": "優先度加重(%)",
    "backorder_minor": "欠品費",
}  # fmt: skip
COLUMNS = (
    Column("name", "方針", text(40), needed=True, key=True),
    Column("state", "状態", one_of(*get_args(State)), default="SHADOW"),
    Column("method", "方式", one_of(*get_args(Method)), default="COST"),
    *(Column(n, ja, whole(0, MOST), default=getattr(USUAL, n)) for n, ja in PLAIN.items()),
    *(
        Column(f"{name}_{site}", f"{ja}{SITES[site]}", whole(0, MOST), default=usual)
        for name, ja in EACH.items()
        for site, usual in zip(SITES, getattr(USUAL, name), strict=True)
    ),
    *(
        Column(f"{name}_percent", ja, whole(0, 1_000), default=round(100 * getattr(USUAL, name)))
        for name, ja in SHARES.items()
    ),
)


def _values(policy: Policy) -> Values:
    values: Values = {"name": policy.name, "state": policy.state, "method": policy.method}
    values |= {name: getattr(policy.weights, name) for name in PLAIN}
    for name in EACH:
        parts = zip(SITES, getattr(policy.weights, name), strict=True)
        values |= {f"{name}_{site}": minor for site, minor in parts}
    shares = {f"{name}_percent": round(100 * getattr(policy.weights, name)) for name in SHARES}
    return values | shares


def _all(session: Session, _site: str | None = None) -> Iterator[Values]:
    return (_values(policy) for policy in policies(session))


def _known(session: Session, _keys: Sequence[Key]) -> Mapping[Key, Values]:
    return {(each["name"],): each for each in _all(session)}


def _check(_session: Session, rows: Sequence[Row]) -> Iterable[Fault]:
    live = [row for row in rows if row.will["state"] == "LIVE"]
    for row in live[1:]:
        yield fault(row, "state", "two_live", live[0].will["name"])


def _save(session: Session, rows: Sequence[Row], context: Context) -> Iterable[Fault]:
    for row in sorted(rows, key=lambda row: bool(row.will["state"] == "LIVE")):
        weights: dict[str, Any] = {name: row.will[name] for name in PLAIN}
        weights |= {name: tuple(row.will[f"{name}_{site}"] for site in SITES) for name in EACH}
        weights |= {name: row.will[f"{name}_percent"] / 100 for name in SHARES}
        save_policy(
            session, row.will["name"], Weights(**weights), method=row.will["method"],
            state=row.will["state"], now=context.now,
        )  # fmt: skip
    return ()


SOURCING = Kind(
    name="sourcing-policies", ja="引当方針", columns=COLUMNS,
    known=_known, check=_check, save=_save, export=_all,
)  # fmt: skip
