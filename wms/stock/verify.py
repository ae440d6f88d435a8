"""The proof that the books are right: every law of the ledger, recomputed from what was written.

    report = database.run(verify);  report.clean;  report.laws[0].first

All laws are judged in one statement, so on one snapshot, while work goes on. Each answers with
how many rows break it, and names the first. Other areas bring laws of their own, `LAWS` of
theirs, to be judged along with these. `soko verify` asks more, on both cores: wms.stock.prove.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from wms.stock.laws import LAWS, NETWORK_LAWS, Law

__all__ = [
    "LAWS", "NETWORK_LAWS", "Judged", "Law", "Report", "count", "judge", "month_end", "question",
    "verify",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A law as it was found: how many rows break it, and the first; why it was not judged."""

    code: str
    says: str
    differences: int
    first: str | None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All laws judged, and how much there was to judge; from which checkpoint on, if any."""

    laws: list[Judged]
    movements: int
    quants: int
    holds: int
    balances: int
    checkpoint: date | None = None

    @property
    def clean(self) -> bool:
        """Whether nothing is broken."""
        return not any(law.differences for law in self.laws)


_JUDGE = """
SELECT '{code}' AS code, d.differences,
       concat_ws(': ', nullif(concat_ws(' ', s.code, k.code), ''), d.what) AS first
  FROM (SELECT count(*) OVER () AS differences, b.* FROM ({broken}) AS b
         ORDER BY b.site_id, b.sku_id, b.what LIMIT 1) AS d
  LEFT JOIN site s ON s.id = d.site_id LEFT JOIN sku k ON k.id = d.sku_id
"""
_COUNT = """
SELECT (SELECT coalesce(sum(movements), 0)::bigint FROM stock_checkpoint WHERE month <= @month)
       + (SELECT count(*) FROM movement WHERE recorded_at >= @since) AS movements,
       (SELECT count(*) FROM quant) AS quants,
       (SELECT count(*) FROM hold) AS holds, (SELECT count(*) FROM stock_balance) AS balances
"""


def verify(session: Session, laws: Sequence[Law] = LAWS) -> Report:
    """Judge the laws. Reads everything; locks and changes nothing."""
    judged = " UNION ALL ".join(f"({question(law, None)})" for law in laws)
    found = {row.code: row for row in session.execute(text(judged))}
    return Report(laws=[_judged(law, found.get(law.code)) for law in laws], **count(session))


def judge(session: Session, law: Law, checkpoint: date | None = None) -> Judged:
    """Judge one law, from a checkpoint of all sites on."""
    return _judged(law, session.execute(text(question(law, checkpoint))).one_or_none())


def count(session: Session, checkpoint: date | None = None) -> dict[str, Any]:
    """How much there is to judge."""
    return dict(session.execute(text(_from(_COUNT, checkpoint))).one()._asdict())


def month_end(month: date) -> datetime:
    """When that month is over (UTC)."""
    return datetime(month.year + month.month // 12, month.month % 12 + 1, 1, tzinfo=UTC)


def question(law: Law, checkpoint: date | None) -> str:
    """What is asked of the database to judge a law."""
    return _from(_JUDGE.format(code=law.code, broken=law.broken), checkpoint)


def _from(query: str, checkpoint: date | None) -> str:
    """Literals, not parameters: so that the planner leaves out what lies before."""
    if checkpoint is None:
        since, month = "timestamptz '-infinity'", "NULL::date"
    else:
        since = f"timestamptz '{month_end(checkpoint).isoformat()}'"
        month = f"date '{checkpoint}'"
    return query.replace("@since", since).replace("@month", month)


def _judged(law: Law, row: object | None) -> Judged:
    return Judged(
        code=law.code,
        says=law.says,
        differences=getattr(row, "differences", 0),
        first=getattr(row, "first", None),
        note=law.note,
    )
