"""From a scenario's differences to what the product goes by: done, undone.

    split(snapshot, patches)       what the product can do by itself, and what people have to do
    carry_out(session, changes)    done in one transaction; what there was before, to be put back
    take_back(session, undo)       put back

    close_node     the site sends nothing (wms.orders.exclusion)
    cut_off        the site's calendar
    capacity       units the site sends a day
    split_policy   the weight of a split in the sourcing policy
    stock_policy   low and high of all stock policies at the site, times the factor

People, robots, carriers, sites that are to be built and what customers do are by hand.

Law: what somebody has changed since is not overwritten: then nothing at all is put back.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time
from math import ceil
from typing import Any, TypeAlias

from sqlalchemy import select
from sqlalchemy.orm import Session

from optimizer.scenarios import Snapshot
from wms.errors import Conflict
from wms.orders.capacity import SiteClosure
from wms.orders.exclusion import close_site, open_site
from wms.orders.policy import live_policy, save_policy
from wms.planner.snapshot import NO_LIMIT
from wms.replenishment.model import StockPolicy
from wms.shipping.tables import calendar_of, save_calendar
from wms.sites import Site, site_id

Change: TypeAlias = dict[str, Any]
CLOSED = "PLAN"


class PlanOverruled(Conflict):
    """Somebody has changed what the plan set: it is not put back, decide what should hold.

    Attributes:
        change: which one, and `found` what there is now.
    """

    code = "plan_overruled"

    def __init__(self, change: Change, found: Any) -> None:
        super().__init__(f"{change['kind']} is {found!r} now")
        self.change, self.found = change, found


def split(
    snapshot: Snapshot, patches: Sequence[Mapping[str, Any]]
) -> tuple[list[Change], list[dict[str, Any]]]:
    """Changes that the product carries out, and the differences that are left to people."""
    changes: list[Change] = []
    by_hand: list[dict[str, Any]] = []
    for patch in patches:
        kind = patch["patch"]
        if kind == "close_node":
            changes.append({"kind": kind, "site": patch["node"], "value": True})
            if patch.get("stock_to"):
                by_hand.append({**patch, "patch": "move_stock"})
        elif kind in VALUES:
            changes += [
                {"kind": kind, "site": node, "value": patch[VALUES[kind]]}
                for node in _nodes(snapshot, patch)
            ]
        elif kind == "split_policy" and patch.get("split_minor") is not None:
            changes.append({"kind": kind, "site": "", "value": patch["split_minor"]})
            if patch.get("split"):
                by_hand.append(dict(patch))
        else:
            by_hand.append(dict(patch))
    return changes, by_hand


VALUES = {"cut_off": "minute", "capacity": "units_per_day", "stock_policy": "factor"}


def _nodes(snapshot: Snapshot, patch: Mapping[str, Any]) -> list[str]:
    if patch.get("node"):
        return [patch["node"]]
    return [node.code for node in snapshot.nodes if patch.get("kind") in {None, node.kind}]


def carry_out(session: Session, changes: Sequence[Change], *, now: datetime) -> list[Change]:
    """Do them; each comes back with `before` and `after`, as the product has it."""
    undo = []
    for change in changes:
        read, write, wanted = _KINDS[change["kind"]]
        before = read(session, change["site"])
        after = wanted(before, change["value"])
        write(session, change["site"], after, now)
        undo.append({**change, "before": before, "after": read(session, change["site"])})
    return undo


def take_back(session: Session, undo: Sequence[Change], *, now: datetime) -> None:
    """Put back what there was, the last first.

    Raises:
        PlanOverruled: something is not as it was left; nothing is put back.
    """
    for change in reversed(undo):
        read, write, _ = _KINDS[change["kind"]]
        found = read(session, change["site"])
        if found != change["after"]:
            raise PlanOverruled(change, found)
        write(session, change["site"], change["before"], now)


# ------------------------------------------------------------------------ each: read and write
def _closed(session: Session, site: str) -> bool:
    return session.get(SiteClosure, site_id(site)) is not None


def _close(session: Session, site: str, value: Any, now: datetime) -> None:
    if value:
        if not _closed(session, site):
            close_site(session, site_id(site), reason=CLOSED, until=None, now=now)
    else:
        open_site(session, site_id(site))


def _cut_off(session: Session, site: str) -> int:
    at = calendar_of(session, site_id(site)).cut_off
    return at.hour * 60 + at.minute


def _set_cut_off(session: Session, site: str, value: Any, now: datetime) -> None:
    at = time(*divmod(min(int(value), 24 * 60 - 1), 60))
    calendar = calendar_of(session, site_id(site))
    save_calendar(session, site_id(site), replace(calendar, cut_off=at), now=now)


def _per_day(session: Session, site: str) -> int:
    return session.get_one(Site, site_id(site)).units_per_day


def _set_per_day(session: Session, site: str, value: Any, _now: datetime) -> None:
    session.get_one(Site, site_id(site), with_for_update=True).units_per_day = int(value)
    session.flush()


def _split_minor(session: Session, _site: str) -> int:
    return live_policy(session).weights.split_minor


def _set_split_minor(session: Session, _site: str, value: Any, now: datetime) -> None:
    live = live_policy(session)
    weights = replace(live.weights, split_minor=int(value))
    save_policy(session, live.name, weights, method=live.method, state="LIVE", now=now)


def _levels(session: Session, site: str) -> dict[str, list[int]]:
    query = select(StockPolicy).where(StockPolicy.site_id == site_id(site))
    rows = session.scalars(query.order_by(StockPolicy.sku_id))
    return {str(row.sku_id): [row.low, row.high] for row in rows}


def _set_levels(session: Session, site: str, value: Any, now: datetime) -> None:
    query = select(StockPolicy).where(StockPolicy.site_id == site_id(site)).with_for_update()
    for row in session.scalars(query):
        if str(row.sku_id) in value:
            row.low, row.high = value[str(row.sku_id)]
            row.changed_at = now
    session.flush()


def _times(before: Any, factor: Any) -> dict[str, list[int]]:
    return {
        sku: [ceil(low * factor), max(1, ceil(high * factor))]
        for sku, (low, high) in before.items()
    }


def _as_said(_before: Any, value: Any) -> Any:
    return value


def _or_no_limit(_before: Any, value: Any) -> int:
    return NO_LIMIT if value is None else int(value)


Read: TypeAlias = Callable[[Session, str], Any]
Write: TypeAlias = Callable[[Session, str, Any, datetime], None]
_KINDS: dict[str, tuple[Read, Write, Callable[[Any, Any], Any]]] = {
    "close_node": (_closed, _close, _as_said),
    "cut_off": (_cut_off, _set_cut_off, _as_said),
    "capacity": (_per_day, _set_per_day, _or_no_limit),
    "split_policy": (_split_minor, _set_split_minor, _as_said),
    "stock_policy": (_levels, _set_levels, _times),
}
