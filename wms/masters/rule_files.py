"""Rules as files: stock policies, pick faces, and the table of shipping rules.

The shipping rules are one table read from the top, so their file is the whole of it: applied, it is
a new version, and rows that it does not have are gone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, get_args

from sqlalchemy.orm import Session

from wms.errors import WmsError
from wms.masters.columns import BIG, Column, Fault, one_of, parted, text, whole, yes_no
from wms.masters.kind import Context, Key, Kind, Row, Values, fault
from wms.replenishment.policies import (
    Face,
    Policy,
    UnfitPolicy,
    faces,
    policies,
    save_face,
    save_policy,
)
from wms.shipping import tables
from wms.shipping.rules import Objective, Rule
from wms.shipping.tables import RULES

ALL = 10_000_000
LEVELS = (
    Column("low", "下限", whole(), needed=True),
    Column("high", "上限", whole(), needed=True),
)
ORDERING = (
    Column("pack_units", "発注単位", whole(1), default=1),
    Column("auto_units_max", "自動承認上限", whole(), default=0),
    Column("active", "有効", yes_no, default=True),
)
POLICY_COLUMNS = (
    Column("site", "拠点コード", text(), needed=True, key=True),
    Column("sku", "品目コード", text(), needed=True, key=True),
    Column("kind", "方式", one_of("MINMAX", "SS"), default="MINMAX"),
    *LEVELS,
    Column("source", "補充元", text(), needed=True),
    *ORDERING,
    Column("service_percent", "サービス率", whole(0, 99), default=0),
    Column("lead_days", "リードタイム日数", whole(0, 90), default=2),
)
FACE_COLUMNS = (
    Column("site", "拠点コード", text(), needed=True, key=True),
    Column("location", "ロケーション", text(), needed=True, key=True),
    Column("sku", "品目コード", text(), needed=True, key=True),
    *LEVELS,
    *ORDERING,
)


def _named(one: Policy | Face, columns: Sequence[Column]) -> Values:
    return {column.name: getattr(one, column.name) for column in columns}


def _known_policies(session: Session, keys: Sequence[Key]) -> Mapping[Key, Values]:
    sites = {site for site, _ in keys}
    return {
        (one.site, one.sku): _named(one, POLICY_COLUMNS)
        for site in sorted(sites)
        for one in policies(session, site=site, limit=ALL)
    }


def _known_faces(session: Session, keys: Sequence[Key]) -> Mapping[Key, Values]:
    sites = {site for site, *_ in keys}
    return {
        (one.site, one.location, one.sku): _named(one, FACE_COLUMNS)
        for site in sorted(sites)
        for one in faces(session, site=site, limit=ALL)
    }


def _levels(_session: Session, rows: Sequence[Row]) -> Iterable[Fault]:
    for row in rows:
        if not row.will["low"] <= row.will["high"] or row.will["high"] < 1:
            yield fault(row, "high", "below_low", row.will["low"])


def _save_policies(session: Session, rows: Sequence[Row], context: Context) -> Iterable[Fault]:
    for row in rows:
        try:
            save_policy(session, Policy(**row.will), now=context.now)
        except WmsError as error:
            yield _refused(row, error)


def _save_faces(session: Session, rows: Sequence[Row], context: Context) -> Iterable[Fault]:
    for row in rows:
        try:
            save_face(session, Face(**row.will), now=context.now)
        except WmsError as error:
            yield _refused(row, error)


_AT = {
    "source_is_itself": "source", "no_such_source": "source", "source_not_fit": "source",
    "not_a_place_to_pick_from": "location", "levels": "high",
}  # fmt: skip


def _refused(row: Row, error: WmsError) -> Fault:
    if isinstance(error, UnfitPolicy):
        return fault(row, _AT.get(error.reason, "site"), error.reason)
    said = str(error)
    column = next(
        (c for w, c in (("site", "site"), ("place", "location")) if said.startswith(w)), ""
    )
    code = {"site": "unknown_site", "location": "unknown_place"}.get(column, "unknown_sku")
    return fault(row, column or "sku", code)


# ------------------------------------------------------------------------------ shipping rules
def _rule_column(name: str, ja: str, kind: str) -> Column:
    if kind == "words":
        return Column(name, ja, parted(), default=())
    if kind == "yes_no":
        return Column(name, ja, yes_no, default=None)
    return Column(name, ja, whole(0, BIG), default=None)


RULE_COLUMNS = (
    Column("place", "順番", whole(1), needed=True, key=True),
    Column("name", "ルール", text(), needed=True),
    Column("service", "サービス", text()),
    Column("objective", "目的", one_of(*get_args(Objective)), default="CHEAPEST"),
    *(
        _rule_column(name, ja, kind)
        for name, ja, kind in (
            ("among", "候補", "words"),
            ("value_from_minor", "金額以上", ""),
            ("value_to_minor", "金額以下", ""),
            ("weight_from_g", "重量以上(g)", ""),
            ("weight_to_g", "重量以下(g)", ""),
            ("size_from_mm", "サイズ以上(mm)", ""),
            ("size_to_mm", "サイズ以下(mm)", ""),
            ("recipients", "届け先", "words"),
            ("senders", "発送元", "words"),
            ("levels", "配送種別", "words"),
            ("cool", "クール", "yes_no"),
            ("cod", "代引", "yes_no"),
            ("dangerous", "危険物", "yes_no"),
            ("cost_max_minor", "運賃上限", ""),
            ("co2_max_g", "CO2上限(g)", ""),
        )
    ),
)


def _known_rules(session: Session, _keys: Sequence[Key]) -> Mapping[Key, Values]:
    return {
        (place,): {"place": place, **{f.name: getattr(rule, f.name) for f in fields(Rule)}}
        for place, rule in enumerate(tables.rules_in_force(session).rules, start=1)
    }


def _check_rules(session: Session, rows: Sequence[Row]) -> Iterable[Fault]:
    services = set(tables.card_in_force(session).all_services)
    for row in rows:
        for column in ("service", "among"):
            said = row.will[column]
            for code in (said,) if isinstance(said, str) else said:
                if code and code not in services:
                    near = " | ".join(sorted(services))
                    yield Fault(row=row.number, column=column, code="unknown_service",
                                given=code[:80], expected=near)  # fmt: skip


def _save_rules(session: Session, rows: Sequence[Row], context: Context) -> Iterable[Fault]:
    saved = tables.latest(session, RULES)
    ordered = sorted(rows, key=lambda row: int(row.will["place"]))
    table: list[dict[str, Any]] = [
        {name: list(v) if isinstance(v, tuple) else v for name, v in row.will.items()
         if name != "place"}
        for row in ordered
    ]  # fmt: skip
    body = {**saved.body, "rules": table}
    tables.save(session, RULES, body, based_on=saved.version, by=context.by, now=context.now)
    return ()


POLICIES = Kind(
    name="policies", ja="在庫方針", columns=POLICY_COLUMNS,
    known=_known_policies, check=_levels, save=_save_policies, tries=True,
    export=lambda s, site: (_named(p, POLICY_COLUMNS) for p in policies(s, site=site, limit=ALL)),
)  # fmt: skip
FACES = Kind(
    name="faces", ja="ピック棚", columns=FACE_COLUMNS,
    known=_known_faces, check=_levels, save=_save_faces, tries=True,
    export=lambda s, site: (_named(f, FACE_COLUMNS) for f in faces(s, site=site, limit=ALL)),
)  # fmt: skip
SHIPPING_RULES = Kind(
    name="shipping-rules", ja="出荷ルール", columns=RULE_COLUMNS, whole=True,
    known=_known_rules, check=_check_rules, save=_save_rules,
    export=lambda s, _site: iter(_known_rules(s, ()).values()),
)  # fmt: skip
