"""Stock as others may read it: what is where in which state, what is to come, what has changed.

    GET /v1/availability      SKUs over all sites in all states, and their sums over the network

Figures are a moment old, and say how old. What is free is promised only by a hold (POST /v1/holds).
"""

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.api.dependencies import Now, Svc
from wms.api.shapes import Text
from wms.api.stock_shapes import AvailabilityOut
from wms.catalog import Owner
from wms.errors import NotFound
from wms.ids import OwnerId
from wms.sites import sites_by_code
from wms.stock.network import Named, availability, named_skus

router = APIRouter(prefix="/v1", tags=["stock"])
SKUS_MAX = 200
SITES_MAX = 500
Skus = Annotated[list[Text], Query(alias="sku", min_length=1, max_length=SKUS_MAX)]
Sites = Annotated[list[Text] | None, Query(alias="site", max_length=SITES_MAX)]
Code = Annotated[Text | None, Query()]


@router.get("/availability")
def get_availability(
    services: Svc,
    now: Now,
    skus: Skus,
    sites: Sites = None,
    owner: Code = None,
    channel: Code = None,
) -> AvailabilityOut:
    """SKUs in all their states, by site and over the network; `sku` and `site` may be repeated."""

    def work(session: Session) -> AvailabilityOut:
        owner_id = owner_of(session, owner)
        wanted = skus_of(session, skus, owner_id)
        check_sites(session, sites)
        channels = [channel] if channel else []
        view = availability(
            session, wanted, now=now, sites=sites, owner_id=owner_id, channels=channels
        )
        return AvailabilityOut.model_validate(view)

    return services.database.run(work)


def owner_of(session: Session, code: str | None) -> OwnerId | None:
    """The owner with that code; None for no code.

    Raises:
        NotFound: there is none.
    """
    if code is None:
        return None
    owner = session.scalar(select(Owner.id).where(Owner.code == code))
    if owner is None:
        raise NotFound(f"owner {code}")
    return OwnerId(owner)


def skus_of(session: Session, codes: list[str], owner_id: OwnerId | None) -> list[Named]:
    """The SKUs with these codes, each once, in their order.

    Raises:
        NotFound: there is none with one of the codes.
    """
    known = named_skus(session, codes, owner_id)
    for code in codes:
        if code not in known:
            raise NotFound(f"SKU {code}")
    return [known[code] for code in dict.fromkeys(codes)]


def check_sites(session: Session, codes: list[str] | None) -> None:
    """All these sites are there.

    Raises:
        NotFound: one is not.
    """
    known = sites_by_code(session, codes or ())
    for code in codes or ():
        if code not in known:
            raise NotFound(f"site {code}")
