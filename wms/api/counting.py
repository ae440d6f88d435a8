"""Counts over HTTP: asked for, looked at and decided on by supervisors; tags read by devices."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, get_args
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime
from sqlalchemy.orm import Session

from wms.api.counting_shapes import (
    AccuracyOut,
    CountDetailOut,
    CountOut,
    CountsIn,
    CountsOut,
    CountsQuery,
    DecideIn,
    PolicyShape,
    ReadsIn,
    ReadsOut,
    ValuesIn,
    WriteOffIn,
)
from wms.api.cursors import MalformedCursor, pack, unpack
from wms.api.dependencies import Now, Svc, Who
from wms.api.shapes import Text
from wms.catalog import skus_by_code
from wms.counting import read
from wms.counting.decide import Act, Deed, decide
from wms.counting.make import NewCount, make_count, places_to_count
from wms.counting.policy import read_policy, save_policy, save_values
from wms.counting.sweep import read_tags, sweep_so_far
from wms.counting.write_off import second_needed, write_off
from wms.errors import NotFound, Rejected, WmsError
from wms.ids import LocationId, SiteId, derive
from wms.sites import sites_by_code

router = APIRouter(tags=["console"])
ZONE_MAX = 2_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FAR = 10**16  # the year 2286, in microseconds


class TooManyPlaces(Rejected):
    """A zone with more places than can be made counts of in one go: name places."""

    code = "too_many_places"


@router.get("/console/v1/counts")
def get_counts(services: Svc, query: Annotated[CountsQuery, Query()]) -> CountsOut:
    """Counts, the latest made first; `next` goes on behind them."""
    behind = None
    if query.after is not None:
        micros, id_ = unpack("counts", query.after, int, UUID)
        behind = (_moment(micros), id_)
    wanted = read.Wanted(**query.model_dump(exclude={"after"}), after=behind)
    rows = services.database.run(lambda s: read.counts(s, wanted))
    last = rows[-1] if len(rows) == query.limit else None
    return CountsOut(
        counts=[CountOut(**row) for row in rows],
        next=None if last is None else pack("counts", _micros(last["made_at"]), last["id"]),
    )


@router.get("/console/v1/counts/accuracy")
def get_accuracy(
    services: Svc,
    now: Now,
    site: Annotated[Text, Query()],
    since: Annotated[AwareDatetime | None, Query()] = None,
    until: Annotated[AwareDatetime | None, Query()] = None,
) -> list[AccuracyOut]:
    """How right the books were, by zone and class: of counts that ended in that time (90 days)."""
    end = until or now + timedelta(seconds=1)
    begin = since or now - timedelta(days=90)
    rows = services.database.run(lambda s: read.accuracy(s, site, begin, end))
    return [AccuracyOut.of(row) for row in rows]


@router.post("/console/v1/counts")
def post_counts(body: CountsIn, services: Svc, now: Now, actor: Who) -> CountsOut:
    """Have places counted: some, all of a zone (year-end), or a zone by its tags (a sweep)."""

    def work(session: Session) -> list[dict[str, Any]]:
        site = _site(session, body.site)
        sku = None
        if body.sku is not None:
            found = skus_by_code(session, [body.sku]).get(body.sku)
            if found is None:
                raise NotFound(f"SKU {body.sku}")
            sku = found.id
        common: dict[str, Any] = {
            "site_id": site, "group_id": body.command_id, "why": body.why or "SUPERVISOR",
        }  # fmt: skip
        if body.kind == "SWEEP":
            if not places_to_count(session, site, zone=body.zone):
                raise NotFound(f"zone {body.zone}")
            make_count(
                session,
                NewCount(id=body.command_id, kind="SWEEP", zone=body.zone, **common),
                now=now,
            )
        else:
            places = places_to_count(session, site, zone=body.zone, codes=body.places)
            if len(places) > ZONE_MAX:
                raise TooManyPlaces(f"{len(places)} places")
            for place in places:
                new = NewCount(
                    id=derive(body.command_id, str(place.id)),
                    kind="ZONE" if body.zone else "DEMAND",
                    location_id=LocationId(place.id),
                    sku_id=sku,
                    **common,
                )
                make_count(session, new, now=now)
        return read.counts(session, read.Wanted(group_id=body.command_id, limit=ZONE_MAX))

    del actor
    rows = services.database.run(work)
    return CountsOut(counts=[CountOut(**row) for row in rows], next=None)


@router.get("/console/v1/counts/{site}/{count_id}")
def get_count(site: Text, count_id: UUID, services: Svc) -> CountDetailOut:
    """A count with all that was found, decided and posted."""
    return CountDetailOut(**services.database.run(lambda s: read.one_count(s, site, count_id)))


def _act(act: Act) -> Callable[..., CountDetailOut]:
    def post(
        site: Text, count_id: UUID, body: DecideIn, services: Svc, now: Now, actor: Who
    ) -> CountDetailOut:
        deed = Deed(
            command_id=body.command_id, act=act, operator=actor.operator, reason=body.reason
        )

        def work(session: Session) -> Mapping[str, Any]:
            decide(session, _site(session, site), count_id, deed, now=now)
            return read.one_count(session, site, count_id)

        return CountDetailOut(**services.database.run(work))

    post.__name__ = f"post_count_{act}"
    post.__doc__ = _SAYS[act]
    return post


_SAYS = {
    "approve": "The last round is right: the books are adjusted. Never by who has counted.",
    "reject": "The books are right: nothing changes.",
    "recount": "Somebody else shall count once more.",
    "cancel": "Nobody shall count.",
}
for _name in get_args(Act):
    router.add_api_route(
        f"/console/v1/counts/{{site}}/{{count_id}}:{_name}", _act(_name), methods=["POST"]
    )


@router.post("/api/v1/counts/{site}/{count_id}/reads", tags=["handheld"])
def post_reads(
    site: Text, count_id: UUID, body: ReadsIn, services: Svc, now: Now, actor: Who
) -> ReadsOut:
    """Tags that a reader saw for a sweep; sent again they count once."""

    def work(session: Session) -> ReadsOut:
        at = _site(session, site)
        read_tags(session, at, count_id, body.epcs, actor, now=now)
        return ReadsOut(**asdict(sweep_so_far(session, at, count_id)))

    return services.database.run(work)


@router.get("/api/v1/counts/{site}/{count_id}/reads", tags=["handheld"])
def get_reads(site: Text, count_id: UUID, services: Svc) -> ReadsOut:
    """How far a sweep is; what is expected only where the site's policy shows it."""
    return services.database.run(
        lambda s: ReadsOut(**asdict(sweep_so_far(s, _site(s, site), count_id)))
    )


@router.get("/console/v1/count-policy/{site}")
def get_policy(site: Text, services: Svc) -> PolicyShape:
    """How a site counts."""
    return services.database.run(lambda s: PolicyShape.of(read_policy(s, _site(s, site))))


@router.put("/console/v1/count-policy/{site}")
def put_policy(site: Text, body: PolicyShape, services: Svc, now: Now) -> PolicyShape:
    """From now on it counts so."""
    services.database.run(lambda s: save_policy(s, _site(s, site), body.policy(), now=now))
    return body


@router.put("/console/v1/sku-values")
def put_values(body: ValuesIn, services: Svc, now: Now) -> ValuesIn:
    """What a unit of these SKUs is worth, in minor units."""

    def work(session: Session) -> None:
        skus = skus_by_code(session, body.values)
        if missing := body.values.keys() - skus.keys():
            raise NotFound(f"SKU {min(missing)}")
        save_values(session, {skus[c].id: v for c, v in body.values.items()}, now=now)

    services.database.run(work)
    return body


@router.post("/console/v1/unknown/{site}:write-off")
def post_write_off(site: Text, body: WriteOffIn, services: Svc, now: Now, actor: Who) -> WriteOffIn:
    """Goods that were missed and will not be found: out of the books.

    409 `second_person_needed`: where two persons are wanted, for what is worth more than the
    site's limit; when another has agreed, the same again does it.
    """

    def work(session: Session) -> WmsError | None:
        at, wish = _site(session, site), body.wish()
        why_not = second_needed(session, at, wish, now=now)
        if why_not is None:
            write_off(session, at, wish, actor=str(actor), now=now)
        return why_not

    why_not = services.database.run(work)
    if why_not is not None:
        raise why_not  # only now: it has been put before the others
    return body


def _site(session: Session, code: str) -> SiteId:
    site = sites_by_code(session, [code]).get(code)
    if site is None:
        raise NotFound(f"site {code}")
    return SiteId(site.id)


def _micros(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


def _moment(micros: int) -> datetime:
    if not 0 <= micros < FAR:
        raise MalformedCursor(str(micros))
    return EPOCH + timedelta(microseconds=micros)
