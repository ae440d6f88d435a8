"""What becomes of goods that come back, as a file: one table for all sites, read from the top."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, get_args

from sqlalchemy.orm import Session

from wms.masters.columns import Column, Fault, one_of, parted, text, whole, yes_no
from wms.masters.kind import Context, Key, Kind, Row, Values
from wms.returns.policy import read_policy, save_policy
from wms.returns.rules import GRADES, Disposition, DispositionRule, Reason

COLUMNS = (
    Column("place", "順番", whole(1, 1_000), needed=True, key=True),
    Column("name", "ルール", text(), needed=True),
    Column("disposition", "処置", one_of(*get_args(Disposition)), needed=True),
    Column("owner", "荷主", text()),
    Column("skus", "品目コードの先頭", text()),
    Column("grades", "等級", parted(*GRADES), default=()),
    Column("reasons", "理由", parted(*get_args(Reason)), default=()),
    Column("site_kinds", "拠点種別", parted("DC", "FC", "STORE", "LOCKER"), default=()),
    Column("cool", "クール", yes_no, default=None),
)


def _all(session: Session, _site: str | None = None) -> Iterator[Values]:
    for place, rule in enumerate(read_policy(session).dispositions, start=1):
        yield {**asdict(rule), "place": place}


def _known(session: Session, _keys: Sequence[Key]) -> Mapping[Key, Values]:
    return {(each["place"],): each for each in _all(session)}


def _nothing(_session: Session, _rows: Sequence[Row]) -> Iterable[Fault]:
    return ()


def _save(session: Session, rows: Sequence[Row], context: Context) -> Iterable[Fault]:
    ordered = sorted(rows, key=lambda row: int(row.will["place"]))
    told: list[dict[str, Any]] = [
        {name: value for name, value in row.will.items() if name != "place"} for row in ordered
    ]
    rules = tuple(DispositionRule(**each) for each in told)
    save_policy(session, replace(read_policy(session), dispositions=rules), now=context.now)
    return ()


DISPOSITIONS = Kind(
    name="dispositions", ja="返品処置ルール", columns=COLUMNS, whole=True,
    known=_known, check=_nothing, save=_save, export=_all,
)  # fmt: skip
