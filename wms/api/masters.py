"""For masters: owners, sites, places, SKUs, lots, receipts, in bulk. Again they change nothing."""

from collections import defaultdict
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, ClassVar

from fastapi import APIRouter, Body, Response
from sqlalchemy.orm import Session

from wms.api import pictures
from wms.api.dependencies import Now, Svc
from wms.api.master_shapes import (
    LocationIn,
    LotIn,
    OwnerIn,
    ReceiptIn,
    ReceiptLineIn,
    SiteIn,
    SkuIn,
)
from wms.catalog import (
    LotRecord,
    owner_id,
    owners_by_code,
    save_lots,
    save_owners,
    save_skus,
    sku_id,
    skus_by_code,
)
from wms.errors import Rejected
from wms.ids import CommandId, derive
from wms.sites import (
    location_id,
    locations_by_code,
    save_locations,
    save_sites,
    site_id,
    sites_by_code,
    virtual_location,
)
from wms.stock import ledger
from wms.stock.lying import keep_kinds
from wms.stock.units import UnitRecord, save_units, unit_id

router = APIRouter(prefix="/master/v1", tags=["masters"])
Many = Body(max_length=20_000)
router.include_router(pictures.router)


class UnknownCode(Rejected):
    """Something names an owner, a site, a place or a SKU that there is not.

    Attributes:
        kind: "owner", "site", "location" or "sku".
        name: what it names.
    """

    code: ClassVar[str] = "unknown_code"

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"there is no {kind} {name}")
        self.kind = kind
        self.name = name


@router.put("/owners")
def put_owners(body: Annotated[list[OwnerIn], Many], services: Svc) -> dict[str, int]:
    """Make or change owners (荷主)."""
    services.database.run(lambda s: save_owners(s, [owner.record() for owner in body]))
    return {"saved": len(body)}


@router.put("/sites")
def put_sites(body: Annotated[list[SiteIn], Many], services: Svc) -> dict[str, int]:
    """Make or change sites."""
    services.database.run(lambda s: save_sites(s, [site.record() for site in body]))
    return {"saved": len(body)}


@router.put("/locations")
def put_locations(body: Annotated[list[LocationIn], Many], services: Svc) -> dict[str, int]:
    """Make or change places."""
    services.database.run(lambda s: save_places(s, body))
    return {"saved": len(body)}


@router.put("/skus")
def put_skus(body: Annotated[list[SkuIn], Many], services: Svc) -> dict[str, int]:
    """Make or change SKUs with their packs."""
    services.database.run(lambda s: save_goods(s, body))
    return {"saved": len(body)}


@router.put("/lots")
def put_lots(body: Annotated[list[LotIn], Many], services: Svc) -> dict[str, int]:
    """Make or change lots: until when they may be sold, or that they may not (BLOCKED)."""
    services.database.run(lambda s: _save_lots(s, body))
    return {"saved": len(body)}


@router.post("/receipts", status_code=HTTPStatus.CREATED)
def post_receipt(
    body: ReceiptIn, services: Svc, now: Now, response: Response
) -> dict[str, int | str]:
    """Book goods that have come. The same id again changes nothing."""
    moved = services.database.run(lambda s: _receive(s, body, now))
    if moved and all(each.replayed for each in moved):
        response.status_code = HTTPStatus.OK
    return {"id": str(body.id), "lines": len(body.lines)}


def save_places(session: Session, body: list[LocationIn]) -> None:
    """Make or change places.

    Raises:
        UnknownCode: a site is not there.
        PlaceInUse: goods lie at a place that would be of another kind.
    """
    by_site: dict[str, list[LocationIn]] = defaultdict(list)
    for location in body:
        by_site[location.site].append(location)
    known = sites_by_code(session, by_site)
    for code in sorted(by_site):
        if code not in known:
            raise UnknownCode("site", code)
        records = [each.record() for each in by_site[code]]
        keep_kinds(session, site_id(code), records)
        save_locations(session, site_id(code), records)


def save_goods(session: Session, body: list[SkuIn]) -> None:
    """Make or change SKUs.

    Raises:
        UnknownCode: an owner is not there.
    """
    known = owners_by_code(session, {sku.owner for sku in body})
    for sku in body:
        if sku.owner not in known:
            raise UnknownCode("owner", sku.owner)
    save_skus(session, [sku.record() for sku in body])


def _save_lots(session: Session, body: list[LotIn]) -> None:
    _check_skus(session, body)
    records = [
        LotRecord(
            sku_id=sku_id(lot.sku, owner_id(lot.owner)), **lot.model_dump(exclude={"owner", "sku"})
        )
        for lot in body
    ]
    save_lots(session, records)


def _receive(session: Session, body: ReceiptIn, now: Now) -> list[ledger.Moved]:
    _check(session, body.lines)
    totes: dict[str, dict[str, UnitRecord]] = defaultdict(dict)
    for line in body.lines:
        if line.tote:
            place = location_id(site_id(line.site), line.location)
            totes[line.site][line.tote] = UnitRecord(code=line.tote, location_id=place)
    for site in sorted(totes):
        save_units(session, site_id(site), list(totes[site].values()))
    return ledger.move(
        session, [_move(body, number, line, now) for number, line in enumerate(body.lines)]
    )


def _move(body: ReceiptIn, number: int, line: ReceiptLineIn, now: Now) -> ledger.Move:
    site = site_id(line.site)
    to = virtual_location(site, "UNITS") if line.tote else location_id(site, line.location)
    return ledger.Move(
        command_id=CommandId(derive(body.id, "line", number)),
        site_id=site,
        owner_id=owner_id(line.owner),
        sku_id=sku_id(line.sku, owner_id(line.owner)),
        units=line.units,
        from_location_id=virtual_location(site, "SUPPLIER"),
        to_location_id=to,
        to_unit_id=unit_id(site, line.tote) if line.tote else None,
        lot=line.lot or "",
        serials=line.serials,
        weight_g=line.weight_g,
        cause_kind="RECEIPT",
        cause_id=body.id,
        actor="oms",
        occurred_at=now,
    )


def _check(session: Session, lines: list[ReceiptLineIn]) -> None:
    """Whether all that the lines name is there.

    Raises:
        UnknownCode: something is not.
    """
    sites = sites_by_code(session, {line.site for line in lines})
    places = {
        code: locations_by_code(
            session, site_id(code), {line.location for line in lines if line.site == code}
        )
        for code in sites
    }
    for line in lines:
        if line.site not in sites:
            raise UnknownCode("site", line.site)
        if line.location not in places[line.site]:
            raise UnknownCode("location", f"{line.site} {line.location}")
    _check_skus(session, lines)


def _check_skus(session: Session, lines: Sequence[ReceiptLineIn | LotIn]) -> None:
    named: dict[str, set[str]] = defaultdict(set)
    for line in lines:
        named[line.owner].add(line.sku)
    for owner, codes in sorted(named.items()):
        known = skus_by_code(session, codes, owner_id(owner))
        for code in sorted(codes - set(known)):
            raise UnknownCode("sku", code)
