"""The feed of stock changes: what is free now, balance by balance, for those who keep a copy.

    at = start(session)                     begin here, then read availability once
    page = changes(session, after=at)       what has changed since; go on from page.next

Each change says how much is free, not how much more or less, so applying one twice does no harm;
and those of one balance come in the order in which they happened. Changes are the outbox's events
of topic "stock", read by position: what is committed late behind something newer gets its position
late, and is delivered (wms/outbox.py). A copy that begins with `start`, then reads availability
and then applies every change, is exactly right when there are no more.

Cells: a position is of one database. Over several, a cursor holds a position a cell.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms import outbox
from wms.catalog import Owner, Sku
from wms.sites import Site

TOPIC = "stock"
_EVENTS = 100  # an event has the changes of one posting at one site, one or hundreds


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """So many units of a SKU are free at a site since then."""

    position: int
    at: datetime
    site: str
    owner: str
    sku: str
    segment: str
    free: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Changes in order, and the position to go on from."""

    changes: Sequence[Change]
    next: int


def start(session: Session) -> int:
    """The position to begin from: of what was changed before it, availability tells all."""
    outbox.number(session)
    return outbox.head(session)


def changes(session: Session, *, after: int, limit: int = 1000) -> Changes:
    """What has changed after that position; no more than `limit` and one posting's changes.

    Raises:
        Pruned: what came right after that position is no longer kept; begin anew.
    """
    outbox.number(session)
    found: list[tuple[outbox.Event, list[Any]]] = []
    position = after
    while len(found) < limit:
        page = outbox.read(session, after=position, topic=TOPIC, limit=_EVENTS)
        for event in page.events:
            if len(found) >= limit:
                break
            found += [(event, row) for row in event.body["free"]]
            position = event.position
        else:
            position = page.next
            if len(page.events) < _EVENTS:
                break
    return Changes(changes=_named(session, found), next=position)


def _named(session: Session, found: list[tuple[outbox.Event, list[Any]]]) -> list[Change]:
    """The changes with the codes by which people know sites, owners and SKUs."""
    if not found:
        return []
    sites = _codes(session, Site, {event.body["site_id"] for event, _ in found})
    owners = _codes(session, Owner, {row[0] for _, row in found})
    skus = _codes(session, Sku, {row[1] for _, row in found})
    return [
        Change(
            position=event.position,
            at=event.at,
            site=sites[event.body["site_id"]],
            owner=owners[owner],
            sku=skus[sku],
            segment=segment,
            free=free,
        )
        for event, (owner, sku, segment, free, *_) in found
    ]


def _codes(session: Session, table: Any, ids: set[str]) -> dict[str, str]:
    query = select(table.id, table.code).where(table.id.in_([UUID(id_) for id_ in ids]))
    return {str(id_): code for id_, code in session.execute(query)}
