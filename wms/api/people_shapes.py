"""Shapes of people and their devices, in and out."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, StrictBool, StrictInt, StringConstraints

from wms.api.shapes import PRINTABLE, Shape, Text
from wms.people.devices import Life
from wms.people.operators import OperatorRecord

Pin = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9]{4,6}$")]
Name = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=100,
                                        pattern=PRINTABLE)]  # fmt: skip
Names = Annotated[tuple[Name, ...], Field(max_length=100)]
Maybe = Annotated[str, StringConstraints(strict=True, max_length=100, pattern=PRINTABLE)]


class OperatorIn(Shape):
    """An operator. Without `badge` or `pin` they stay as they are; no kinds or zones: any."""

    code: Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9._-]{1,40}$")]
    name: Name
    badge: Name | None = None
    pin: Pin | None = None
    languages: Names = ("ja",)
    kinds: Names = ()
    zones: Names = ()
    equipment: Names = ()
    supervisor: StrictBool = False
    active: StrictBool = True

    def record(self) -> OperatorRecord:
        """As the use case takes it."""
        return OperatorRecord(**self.model_dump())


class OperatorOut(BaseModel):
    """An operator as the office sees them."""

    id: UUID
    code: str
    name: str
    languages: list[str]
    kinds: list[str]
    zones: list[str]
    equipment: list[str]
    supervisor: bool
    active: bool


class DeviceIn(Shape):
    """A device: where it is used, what it prints on, what machine it is mounted on."""

    name: Name
    site: Text
    zone: Maybe = ""
    station: Maybe = ""
    printer: Maybe = ""
    equipment: Names = ()


class DeviceOut(BaseModel):
    """A device as it stands."""

    id: UUID
    name: str
    site: str
    zone: str
    station: str
    printer: str
    equipment: list[str]
    paired_at: datetime | None
    revoked_at: datetime | None
    last_seen_at: datetime | None
    battery: int | None = Field(description="percent, as it said last")
    firmware: str = Field(description="what runs on it, as it said last")
    queued: int = Field(description="scans that waited on it to be sent")


class PairingOut(BaseModel):
    """A code for one device, once: as text, as an address, and that as a QR picture (SVG)."""

    code: str
    url: str
    svg: str
    until: datetime


class PairIn(Shape):
    """The code that the office shows."""

    code: Annotated[str, StringConstraints(strict=True, pattern=r"^\s*[A-Za-z0-9]{4,40}\s*$")]


class PairOut(BaseModel):
    """The device's token: it is never shown again."""

    token: str
    device: DeviceOut


class SignInIn(Shape):
    """Badge and PIN; the badge alone wakes a device, or passes it round."""

    badge: Name
    pin: Pin | None = None
    site: Text | None = Field(
        default=None, description="where a device is that nobody has paired; usually the hub"
    )


class SignInOut(BaseModel):
    """The session's token, who it is, and whether they left work open that comes with them."""

    token: str
    operator: str
    name: str
    supervisor: bool
    languages: list[str]
    kinds: list[str]
    zones: list[str]
    equipment: list[str]
    device: str
    site: str
    has_open_work: bool


class LifeIn(Shape):
    """What a device says of itself, every minute."""

    battery: Annotated[StrictInt, Field(ge=0, le=100)] | None = None
    firmware: Maybe = ""
    queued: Annotated[StrictInt, Field(ge=0, le=1_000_000)] | None = None

    def life(self) -> Life:
        """As the use case takes it."""
        return Life(**self.model_dump())


class MeOut(BaseModel):
    """What a device is told of itself when it starts."""

    mode: str = Field(description="open | paired: whether somebody must sign in")
    device: DeviceOut | None
    operator: str | None
    name: str | None
