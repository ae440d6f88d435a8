"""Tariffs as a file: a row a line of a version. A version is never changed: a new one is made.

What a new version does not name it does not have.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, get_args

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.billing.rules import FITS, FirstDay, Per, Rounding, Tariff, TariffLine
from wms.billing.rules import Kind as Charge
from wms.billing.tariffs import save_tariff, tariffs_of
from wms.catalog import Owner, owners_by_code
from wms.ids import OwnerId
from wms.masters.columns import Column, Fault, day, one_of, text, whole
from wms.masters.kind import Context, Key, Kind, Row, Values, fault

LINES_MAX = 200
RATE = r"[0-9]{1,9}(\.[0-9]{1,6})?"
COLUMNS = (
    Column("owner", "荷主", text(), needed=True, key=True),
    Column("version", "版", whole(1), needed=True, key=True),
    Column("code", "項目", text(30, "[A-Z0-9_-]+"), needed=True, key=True),
    Column("valid_from", "適用開始日", day, needed=True),
    Column("kind", "区分", one_of(*get_args(Charge)), needed=True),
    Column("per", "単位", one_of(*get_args(Per)), needed=True),
    Column("rate", "単価", text(16, RATE), needed=True),
    Column("tax_percent", "税率(%)", one_of("0", "8", "10"), default="10"),
    Column("first_day", "入庫日", one_of(*get_args(FirstDay)), default="COUNTED"),
    Column("gift", "ギフト指定", text()),
    Column("rounding", "端数処理", one_of(*get_args(Rounding)), default="HALF_UP"),
)
LINE = tuple(field.name for field in fields(TariffLine))


def _of(session: Session, owners: Mapping[str, OwnerId]) -> Iterator[Values]:
    for code, owner in sorted(owners.items()):
        for tariff in tariffs_of(session, owner):
            for line in tariff.lines:
                facts = {name: getattr(line, name) for name in LINE}
                facts |= {"owner": code, "tax_percent": str(line.tax_percent)}
                yield {**facts, "version": tariff.version, "valid_from": tariff.valid_from}


def _known(session: Session, keys: Sequence[Key]) -> Mapping[Key, Values]:
    owners = owners_by_code(session, {owner for owner, *_ in keys})
    return {(v["owner"], v["version"], v["code"]): v for v in _of(session, owners)}


def _check(session: Session, rows: Sequence[Row]) -> Iterable[Fault]:
    owners = owners_by_code(session, {row.will["owner"] for row in rows})
    kept = {(each["owner"], each["version"]) for each in _of(session, owners)}
    from_: dict[tuple[str, int], Any] = {}
    for row in rows:
        will = row.will
        version = (will["owner"], will["version"])
        if will["owner"] not in owners:
            yield fault(row, "owner", "unknown_owner")
        if will["per"] not in FITS[will["kind"]]:
            yield fault(row, "per", "kind_and_per", " | ".join(sorted(FITS[will["kind"]])))
        if version in kept and row.state != "unchanged":
            yield fault(row, "version", "version_kept")
        if from_.setdefault(version, will["valid_from"]) != will["valid_from"]:
            yield fault(row, "valid_from", "from_two_days", from_[version])


def _save(session: Session, rows: Sequence[Row], context: Context) -> Iterable[Fault]:
    owners = owners_by_code(session, {row.will["owner"] for row in rows})
    versions: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in rows:
        versions[row.will["owner"], row.will["version"]].append(row)
    for (owner, version), its in sorted(versions.items()):
        if len(its) > LINES_MAX:
            yield fault(its[LINES_MAX], "code", "too_many_lines", LINES_MAX)
            continue
        lines = tuple(_line(row.will) for row in its)
        tariff = Tariff(version=version, valid_from=its[0].will["valid_from"], lines=lines)
        save_tariff(session, owners[owner], tariff, now=context.now)


def _line(will: Values) -> TariffLine:
    facts: dict[str, Any] = {name: will[name] for name in LINE}
    return TariffLine(**(facts | {"tax_percent": int(facts["tax_percent"])}))


def _all(session: Session, _site: str | None) -> Iterator[Values]:
    codes = session.scalars(select(Owner.code)).all()
    yield from _of(session, owners_by_code(session, codes))


TARIFFS = Kind(
    name="tariffs", ja="料金表", columns=COLUMNS, tries=True, area="billing",
    known=_known, check=_check, save=_save, export=_all,
)  # fmt: skip
