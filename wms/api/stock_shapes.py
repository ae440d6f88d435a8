"""What the read side of stock tells: availability, days to come, places near by, changes."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class FiguresOut(BaseModel):
    """Units by state, with `free`; free by segment, and by channel where some are kept from it."""

    model_config = ConfigDict(from_attributes=True)

    units: dict[str, int]
    segments: dict[str, int]
    channels: dict[str, int]
    overdue: int


class AtSiteOut(FiguresOut):
    """The figures of one site, and how old they are."""

    kind: str
    as_of: datetime
    age_s: int


class OfSkuOut(BaseModel):
    """A SKU over the network and by site."""

    model_config = ConfigDict(from_attributes=True)

    sku: str
    name_en: str
    name_ja: str
    total: FiguresOut
    sites: dict[str, AtSiteOut]


class AvailabilityOut(BaseModel):
    """SKUs in all their states, as of a moment."""

    model_config = ConfigDict(from_attributes=True)

    as_of: datetime
    age_s: int
    skus: list[OfSkuOut]


class ChangeOut(BaseModel):
    """So many units of a SKU are free at a site since then; of one balance in order."""

    model_config = ConfigDict(from_attributes=True)

    position: int
    at: datetime
    site: str
    owner: str
    sku: str
    segment: str
    free: int


class ChangesOut(BaseModel):
    """Changes in order, and the cursor to go on from, always."""

    changes: list[ChangeOut]
    next: str
