"""How sites count, as a file: a row a site; what differs by class has a column for each."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy.orm import Session

from wms.counting.policy import read_policy, save_policy
from wms.counting.rules import CLASSES, Policy, Tolerance
from wms.ids import SiteId
from wms.masters.columns import BIG, Column, Fault, whole, yes_no
from wms.masters.kind import Context, Row, Values, fault
from wms.masters.of_site import SiteTable

USUAL = Policy()
DAYS = whole(1, 3_650)
PERCENT = whole(0, 100)
PLAIN = (
    Column("tolerance_minor", "許容金額", whole(0, BIG), default=USUAL.tolerance_minor),
    Column("rounds_max", "最大回数", whole(1, 9), default=USUAL.rounds_max),
    Column("approve_minor", "承認金額", whole(0, BIG), default=USUAL.approve_minor),
    Column("two_person_minor", "二名承認金額", whole(0, BIG), default=USUAL.two_person_minor),
    Column("capacity", "日次棚数", whole(0, 10_000), default=USUAL.capacity),
    Column("look_back_days", "参照日数", DAYS, default=USUAL.look_back_days),
    Column("live_sweep", "RFID残数表示", yes_no, default=USUAL.live_sweep),
)
COLUMNS = (
    *(
        Column(f"{name}_{abc.lower()}", f"{ja}{abc}", read, default=default)
        for abc in CLASSES
        for name, ja, read, default in (
            ("tolerance_units", "許容数", whole(), USUAL.tolerance[abc].units),
            ("tolerance_percent", "許容率(%)", PERCENT, USUAL.tolerance[abc].percent),
            ("days", "間隔(日)", DAYS, USUAL.days[abc]),
        )
    ),
    Column("share_a", "累計構成比A(%)", PERCENT, default=USUAL.shares[0]),
    Column("share_b", "累計構成比B(%)", PERCENT, default=USUAL.shares[1]),
    *PLAIN,
)


def _rows(session: Session, site: SiteId) -> Iterator[Values]:
    policy = read_policy(session, site)
    values: Values = {column.name: getattr(policy, column.name) for column in PLAIN}
    values["share_a"], values["share_b"] = policy.shares
    for abc in CLASSES:
        told, usual = policy.tolerance.get(abc, Tolerance()), USUAL.days[abc]
        values[f"tolerance_units_{abc.lower()}"] = told.units
        values[f"tolerance_percent_{abc.lower()}"] = told.percent
        values[f"days_{abc.lower()}"] = policy.days.get(abc, usual)
    yield values


def _judge(row: Row) -> Iterable[Fault]:
    if row.will["share_b"] < row.will["share_a"]:
        yield fault(row, "share_b", "below_low", row.will["share_a"])
    if row.will["two_person_minor"] < row.will["approve_minor"]:
        yield fault(row, "two_person_minor", "below_low", row.will["approve_minor"])


def _save(session: Session, site: SiteId, rows: Sequence[Row], context: Context) -> None:
    for row in rows:
        save_policy(session, site, _policy(row.will), now=context.now)


def _policy(will: Values) -> Policy:
    plain: dict[str, Any] = {column.name: will[column.name] for column in PLAIN}
    return Policy(
        **plain,
        shares=(will["share_a"], will["share_b"]),
        days={abc: will[f"days_{abc.lower()}"] for abc in CLASSES},
        tolerance={
            abc: Tolerance(
                units=will[f"tolerance_units_{abc.lower()}"],
                percent=will[f"tolerance_percent_{abc.lower()}"],
            )
            for abc in CLASSES
        },
    )


COUNT_POLICIES = SiteTable(
    name="count-policies", ja="棚卸方針", columns=COLUMNS, whole=False, rows_of=_rows, save=_save,
    judge=_judge,
).kind()  # fmt: skip
