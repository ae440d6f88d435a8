"""Policies: how much a site wants to have of a SKU, and a place to pick from of its goods."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from wms.catalog import HOUSE_OWNER_ID, Sku, skus_by_code
from wms.errors import NotFound, Rejected
from wms.ids import LocationId, SiteId, SkuId
from wms.replenishment.model import PickFace, StockPolicy
from wms.replenishment.rules import PolicyKind
from wms.sites import Location, Site, locations_by_code, sites_by_code


class UnfitPolicy(Rejected):
    """A policy that could not be meant.

    Attributes:
        reason: "source_is_itself", "no_such_source", "source_not_fit", "levels",
            "not_a_place_to_pick_from".
    """

    code: ClassVar[str] = "unfit_policy"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How much a site wants to have of a SKU, and where it comes from; sites and SKU by code."""

    site: str
    sku: str
    kind: PolicyKind
    low: int
    high: int
    source: str
    pack_units: int = 1
    auto_units_max: int = 0
    active: bool = True
    service_percent: int = 0
    lead_days: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """How much of a SKU a place should have, by codes."""

    site: str
    location: str
    sku: str
    low: int
    high: int
    pack_units: int = 1
    auto_units_max: int = 0
    active: bool = True


def save_policy(session: Session, policy: Policy, *, now: datetime) -> None:
    """Make or change a policy.

    Raises:
        NotFound: there is no such site or SKU.
        UnfitPolicy: it could not be meant.
    """
    _levels(policy.low, policy.high, policy.pack_units)
    if policy.site == policy.source:
        raise UnfitPolicy("source_is_itself")
    sites = sites_by_code(session, {policy.site, policy.source})
    if policy.site not in sites:
        raise NotFound(f"site {policy.site}")
    if policy.source not in sites:
        raise UnfitPolicy("no_such_source")
    if {sites[code].kind for code in (policy.site, policy.source)} - {"DC", "FC", "STORE"}:
        raise UnfitPolicy("source_not_fit")
    row = {
        "site_id": sites[policy.site].id,
        "sku_id": _sku(session, policy.sku),
        "source_site_id": sites[policy.source].id,
        **{
            name: value
            for name, value in asdict(policy).items()
            if name not in {"site", "sku", "source"}
        },
        "changed_at": now,
    }
    _save(session, StockPolicy, row, ["site_id", "sku_id"])


def save_face(session: Session, face: Face, *, now: datetime) -> None:
    """Make or change what a place should have.

    Raises:
        NotFound: there is no such site, place or SKU.
        UnfitPolicy: it could not be meant.
    """
    _levels(face.low, face.high, face.pack_units)
    sites = sites_by_code(session, {face.site})
    if face.site not in sites:
        raise NotFound(f"site {face.site}")
    site = SiteId(sites[face.site].id)
    places = locations_by_code(session, site, {face.location})
    if face.location not in places:
        raise NotFound(f"place {face.location} of site {face.site}")
    place = places[face.location]
    if place.kind not in {"PICK_FACE", "SALES_FLOOR"} or place.code.startswith("@"):
        raise UnfitPolicy("not_a_place_to_pick_from")
    row = {
        "site_id": site,
        "location_id": LocationId(place.id),
        "sku_id": _sku(session, face.sku),
        **{
            name: value
            for name, value in asdict(face).items()
            if name not in {"site", "location", "sku"}
        },
        "changed_at": now,
    }
    _save(session, PickFace, row, ["site_id", "location_id", "sku_id"])


def policies(session: Session, *, site: str | None = None, limit: int = 1000) -> list[Policy]:
    """All policies, or those of a site."""
    source = aliased(Site)
    query = (
        select(StockPolicy, Site.code, source.code, Sku.code)
        .join(Site, Site.id == StockPolicy.site_id)
        .join(source, source.id == StockPolicy.source_site_id)
        .join(Sku, Sku.id == StockPolicy.sku_id)
        .order_by(Site.code, Sku.code)
        .limit(limit)
    )
    if site is not None:
        query = query.where(Site.code == site)
    return [
        Policy(
            site=code, sku=sku, source=source_code, kind=each.kind,  # type: ignore[arg-type]
            low=each.low, high=each.high, pack_units=each.pack_units,
            auto_units_max=each.auto_units_max, active=each.active,
            service_percent=each.service_percent, lead_days=each.lead_days,
        )
        for each, code, source_code, sku in session.execute(query)
    ]  # fmt: skip


def faces(session: Session, *, site: str | None = None, limit: int = 1000) -> list[Face]:
    """What places should have, all or at a site."""
    query = (
        select(PickFace, Site.code, Location.code, Sku.code)
        .join(Site, Site.id == PickFace.site_id)
        .join(
            Location, (Location.site_id == PickFace.site_id) & (Location.id == PickFace.location_id)
        )
        .join(Sku, Sku.id == PickFace.sku_id)
        .order_by(Site.code, Location.code, Sku.code)
        .limit(limit)
    )
    if site is not None:
        query = query.where(Site.code == site)
    return [
        Face(
            site=code, location=place, sku=sku, low=each.low, high=each.high,
            pack_units=each.pack_units, auto_units_max=each.auto_units_max, active=each.active,
        )
        for each, code, place, sku in session.execute(query)
    ]  # fmt: skip


def _levels(low: int, high: int, pack_units: int) -> None:
    if not 0 <= low <= high or high < 1 or pack_units < 1:
        raise UnfitPolicy("levels")


def _sku(session: Session, code: str) -> SkuId:
    found = skus_by_code(session, {code}, HOUSE_OWNER_ID)
    if code not in found:
        raise NotFound(f"SKU {code}")
    return SkuId(found[code].id)


def _save(session: Session, table: Any, row: dict[str, Any], key: list[str]) -> None:
    statement = insert(table).values(row)
    changes = {name: value for name, value in row.items() if name not in key}
    session.execute(statement.on_conflict_do_update(index_elements=key, set_=changes))
