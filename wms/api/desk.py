"""Master data at a desk: sites, places and goods seen and edited one by one; labels of places."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from wms.api import pictures
from wms.api.dependencies import Now, Svc, Who
from wms.api.master_shapes import LocationIn, SiteIn, SkuIn
from wms.api.masters import UnknownCode, save_goods, save_places
from wms.api.shapes import AnyText, CommandIn, Shape, Text
from wms.catalog import Barcode, Owner, Pack, Sku
from wms.errors import NotFound
from wms.ids import SiteId
from wms.masters.labels import LABELS_MAX, Wanted, as_file, print_labels
from wms.sites import Location, Site, check_digits, save_sites, site_id, sites_by_code
from wms.stock.lying import Fill, fill

router = APIRouter(prefix="/console/v1/masters", tags=["console"])
router.include_router(pictures.desk)

PLAN_MAX = 120_000  # places of one site on a plan
Some = Annotated[str, Query(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
SomeText = Annotated[str, Field(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
Limit = Annotated[int, Query(ge=1, le=500)]


class SiteOut(BaseModel):
    """A site, and how many places it has."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    kind: str
    name_en: str
    name_ja: str
    time_zone: str
    prefecture: str
    latitude: float
    longitude: float
    units_per_day: int
    dispatch: str
    cross_bays: str
    places: int = 0


class PlaceOut(BaseModel):
    """A place, what lies there, and the digits on its label."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    kind: str
    lane: str | None
    zone: str
    aisle: int | None
    bay: int | None
    x_mm: int
    y_mm: int
    z_mm: int
    pick_seq: int
    storage_type: str
    temperature: str
    dangerous_goods: str
    mix: str
    max_units: int | None
    max_weight_g: int | None
    max_height_mm: int | None
    blocked: str
    label_epoch: int
    digits: str = ""
    units: int = 0
    skus: int = 0


class PlacesOut(BaseModel):
    """Places in the order of their codes; `next` goes on behind them."""

    places: list[PlaceOut]
    next: str | None


class PlanOut(BaseModel):
    """A site from above, a row a place: code, kind, zone, x, y, z, units, max units, blocked."""

    site: str
    as_of: datetime
    places: list[tuple[str, str, str, int, int, int, int, int | None, bool]]


class PackOut(BaseModel):
    """A pack and its barcodes."""

    level: str
    units: int
    length_mm: int
    width_mm: int
    height_mm: int
    weight_g: int
    gtins: list[str] = []


class SkuOut(BaseModel):
    """A SKU with its packs and barcodes."""

    model_config = ConfigDict(from_attributes=True)

    owner: str = ""
    code: str
    name_en: str
    name_ja: str
    tracking: str
    temperature: str
    length_mm: int
    width_mm: int
    height_mm: int
    weight_g: int
    catch_weight: bool
    shelf_life_days: int | None
    dangerous_goods: str
    upright: bool
    fragile: bool
    stackable: bool
    picture: str
    gtins: list[str] = []
    packs: list[PackOut] = []


class SkusOut(BaseModel):
    """SKUs in the order of their codes; `next` goes on behind them."""

    skus: list[SkuOut]
    next: str | None


class BlockIn(Shape):
    """Places that nobody shall put to or take from; without a reason they are open again."""

    site: Text
    codes: Annotated[list[Text], Field(min_length=1, max_length=1000)]
    reason: AnyText = ""


class LabelsIn(CommandIn):
    """Labels of these places, or of a zone or kind; `reprint`: with other check digits."""

    site: Text
    codes: Annotated[tuple[Text, ...], Field(max_length=LABELS_MAX)] = ()
    zone: AnyText | None = None
    kind: AnyText | None = None
    reprint: bool = False
    form: Literal["pdf", "zpl"] = "pdf"


class PlacesQuery(BaseModel):
    """Which places of a site."""

    model_config = ConfigDict(extra="forbid")

    site: SomeText
    q: SomeText = ""
    kind: SomeText = ""
    zone: SomeText = ""
    blocked: bool | None = None
    after: SomeText = ""
    limit: Annotated[int, Field(ge=1, le=500)] = 100


# ------------------------------------------------------------------------------------ sites
@router.get("/sites")
def get_sites(services: Svc) -> list[SiteOut]:
    """All sites."""

    def work(session: Session) -> list[SiteOut]:
        counted = select(Location.site_id, func.count()).where(~Location.code.startswith("@"))
        counts = dict(session.execute(counted.group_by(Location.site_id)).all())
        return [
            SiteOut.model_validate(site).model_copy(update={"places": counts.get(site.id, 0)})
            for site in sites_by_code(session).values()
        ]

    return services.database.run(work)


@router.put("/sites")
def put_site(body: SiteIn, services: Svc) -> SiteOut:
    """Make or change a site."""

    def work(session: Session) -> SiteOut:
        save_sites(session, [body.record()])
        return SiteOut.model_validate(sites_by_code(session, [body.code])[body.code])

    return services.database.run(work)


# ----------------------------------------------------------------------------------- places
@router.get("/locations")
def get_places(wish: Annotated[PlacesQuery, Query()], services: Svc) -> PlacesOut:
    """Places of a site: those whose code has that text, of that kind and zone."""

    def work(session: Session) -> PlacesOut:
        id_ = _site(session, wish.site)
        query = select(Location).where(Location.site_id == id_, Location.code > wish.after)
        query = query.where(~Location.code.startswith("@"))
        if wish.q:
            query = query.where(Location.code.icontains(wish.q, autoescape=True))
        if wish.kind:
            query = query.where(Location.kind == wish.kind)
        if wish.zone:
            query = query.where(Location.zone == wish.zone)
        if wish.blocked is not None:
            query = query.where((Location.blocked != "") == wish.blocked)
        found = session.scalars(query.order_by(Location.code).limit(wish.limit + 1)).all()
        there = fill(session, id_)
        rows = [_place(row, there) for row in found[: wish.limit]]
        return PlacesOut(places=rows, next=rows[-1].code if len(found) > wish.limit else None)

    return services.database.run(work)


@router.put("/locations")
def put_place(body: LocationIn, services: Svc) -> PlaceOut:
    """Make or change a place. Its kind stays while goods lie there."""

    def work(session: Session) -> PlaceOut:
        save_places(session, [body])
        id_ = site_id(body.site)
        query = select(Location).where(Location.site_id == id_, Location.code == body.code)
        row = session.scalars(query.execution_options(populate_existing=True)).one()
        return _place(row, fill(session, id_))

    return services.database.run(work)


@router.put("/blocks")
def put_blocks(body: BlockIn, services: Svc) -> dict[str, int]:
    """Block places, or open them again."""

    def work(session: Session) -> dict[str, int]:
        id_ = _site(session, body.site)
        blocked = update(Location).where(Location.site_id == id_, Location.code.in_(body.codes))
        blocked = blocked.where(~Location.code.startswith("@")).values(blocked=body.reason)
        done = session.scalars(blocked.returning(Location.code)).all()
        for code in sorted(set(body.codes) - set(done)):
            raise UnknownCode("location", f"{body.site} {code}")
        return {"places": len(done)}

    return services.database.run(work)


@router.get("/plan")
def get_plan(services: Svc, now: Now, site: Some) -> PlanOut:
    """A site from above: every place, how full it is, whether it is blocked."""

    def work(session: Session) -> PlanOut:
        id_ = _site(session, site)
        there = fill(session, id_)
        query = select(
            Location.code, Location.kind, Location.zone, Location.x_mm, Location.y_mm,
            Location.z_mm, Location.max_units, Location.blocked, Location.aisle, Location.bay,
        )  # fmt: skip
        query = query.where(Location.site_id == id_, ~Location.code.startswith("@"))
        rows = session.execute(query.order_by(Location.code).limit(PLAN_MAX)).all()
        drawn = any(row.x_mm or row.y_mm for row in rows)
        none = Fill(units=0, skus=0)
        return PlanOut(
            site=site,
            as_of=now,
            places=[
                (
                    row.code, row.kind, row.zone,
                    row.x_mm if drawn else (row.aisle or 0) * 3_000,
                    row.y_mm if drawn else (row.bay or 0) * 1_200,
                    row.z_mm, there.get(row.code, none).units, row.max_units, row.blocked != "",
                )
                for row in rows
            ],
        )  # fmt: skip

    return services.database.run(work)


@router.post(
    "/labels",
    response_class=Response,
    responses={200: {"content": {"application/pdf": {}, "text/plain": {}}, "description": "them"}},
)
def post_labels(body: LabelsIn, services: Svc, now: Now, who: Who) -> Response:
    """Labels of places, one a page, as PDF or ZPL. The same command prints the same labels."""
    said: dict[str, Any] = body.model_dump(exclude={"command_id", "form"})
    wanted = Wanted(id=body.command_id, by=who.operator, **said)
    printed = services.database.run(lambda s: print_labels(s, wanted, now=now))
    return Response(
        as_file(printed, body.form),
        media_type="application/pdf" if body.form == "pdf" else "text/plain",
        headers={
            "content-disposition": f'attachment; filename="labels-{len(printed)}.{body.form}"'
        },
    )


# ------------------------------------------------------------------------------------- SKUs
@router.get("/skus")
def get_skus(
    services: Svc, q: Some = "", owner: Some = "", after: Some = "", limit: Limit = 100
) -> SkusOut:
    """SKUs whose code or name has that text, or that a barcode names."""

    def work(session: Session) -> SkusOut:
        query = select(Owner.code, Sku).join(Owner, Owner.id == Sku.owner_id)
        query = query.where(Sku.code > after)
        if q:
            by_code = select(Barcode.sku_id).where(Barcode.gtin == q.zfill(14))
            words = (
                column.icontains(q, autoescape=True)
                for column in (Sku.code, Sku.name_en, Sku.name_ja)
            )
            query = query.where(or_(*words, Sku.id.in_(by_code)))
        if owner:
            query = query.where(Owner.code == owner)
        found = session.execute(query.order_by(Sku.code, Owner.code).limit(limit + 1)).all()
        rows = _skus(session, [(code, sku) for code, sku in found[:limit]])
        return SkusOut(skus=rows, next=rows[-1].code if len(found) > limit else None)

    return services.database.run(work)


@router.put("/skus")
def put_sku(body: SkuIn, services: Svc) -> SkuOut:
    """Make or change a SKU with its packs and barcodes. A barcode once known stays known."""

    def work(session: Session) -> SkuOut:
        save_goods(session, [body])
        query = select(Owner.code, Sku).join(Owner, Owner.id == Sku.owner_id)
        query = query.where(Owner.code == body.owner, Sku.code == body.code)
        owner, sku = session.execute(query.execution_options(populate_existing=True)).one()
        return _skus(session, [(owner, sku)])[0]

    return services.database.run(work)


# ---------------------------------------------------------------------------------- reading
def _site(session: Session, code: str) -> SiteId:
    found = session.scalars(select(Site.id).where(Site.code == code)).first()
    if found is None:
        raise NotFound(f"site {code}")
    return SiteId(found)


def _place(row: Location, there: dict[str, Fill]) -> PlaceOut:
    filled = there.get(row.code, Fill(units=0, skus=0))
    digits = check_digits(row.id, row.label_epoch)
    return PlaceOut.model_validate(row).model_copy(
        update={"digits": digits, "units": filled.units, "skus": filled.skus}
    )


def _skus(session: Session, found: list[tuple[str, Sku]]) -> list[SkuOut]:
    ids = [sku.id for _, sku in found]
    packs: dict[UUID, list[Pack]] = {id_: [] for id_ in ids}
    for pack in session.scalars(select(Pack).where(Pack.sku_id.in_(ids)).order_by(Pack.units)):
        packs[pack.sku_id].append(pack)
    codes: dict[tuple[UUID, int], list[str]] = {}
    query = select(Barcode).where(Barcode.sku_id.in_(ids)).order_by(Barcode.gtin)
    for each in session.scalars(query):
        codes.setdefault((each.sku_id, each.units), []).append(each.gtin)
    return [
        SkuOut.model_validate(sku).model_copy(
            update={
                "owner": owner,
                "gtins": codes.get((sku.id, 1), []),
                "packs": [_pack(pack, codes) for pack in packs[sku.id]],
            }
        )
        for owner, sku in found
    ]


def _pack(pack: Pack, codes: dict[tuple[UUID, int], list[str]]) -> PackOut:
    gtins = codes.get((pack.sku_id, pack.units), []) if pack.units > 1 else []
    facts = {name: getattr(pack, name) for name in PackOut.model_fields if name != "gtins"}
    return PackOut(**facts, gtins=gtins)
