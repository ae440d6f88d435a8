"""People and their devices: pairing, signing in, and the office's lists of both.

    office                          device
    PUT  /console/v1/devices/{id}
    POST …/{id}:pairing -> QR  ---> POST /api/v1/devices/pair {code}       -> the device's token
                                    POST /api/v1/people/sign-in {badge, pin}  with that token
                                                                           -> a session's token
                                    …every other request with the session's token

Tokens come as `Authorization: Bearer …`. Where handhelds are open (SOKO_HANDHELD), a device that
is not paired may sign somebody in by the name in X-Soko-Device.
"""

import io
from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

import segno
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field, StrictBool, StringConstraints
from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.api.dependencies import Boss, Now, Services, Svc, token_of
from wms.api.limits import visitor
from wms.api.shapes import PRINTABLE, CommandIn, Shape, Text
from wms.errors import NotFound, WmsError
from wms.ids import derive
from wms.people.devices import (
    DeviceRecord,
    DeviceUnknown,
    all_devices,
    begin_pairing,
    device_of,
    pair,
    revoke,
    save_device,
)
from wms.people.entry import Known, sign_in, sign_out, who
from wms.people.model import Device, Operator
from wms.people.operators import OperatorRecord, all_operators, save_operator
from wms.people.secrets import DEVICE, SESSION
from wms.sites import sites_by_code
from wms.work.model import Task

router = APIRouter(tags=["people"])
Pin = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9]{4,6}$")]
Name = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=100,
                                        pattern=PRINTABLE)]  # fmt: skip
Names = Annotated[tuple[Name, ...], Field(max_length=100)]
Maybe = Annotated[str, StringConstraints(strict=True, max_length=100, pattern=PRINTABLE)]
HEADER_MAX = 100


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


class MeOut(BaseModel):
    """What a device is told of itself when it starts."""

    mode: str = Field(description="open | paired: whether somebody must sign in")
    device: DeviceOut | None
    operator: str | None
    name: str | None


@router.post("/api/v1/devices/pair")
def post_pair(body: PairIn, request: Request, services: Svc, now: Now) -> PairOut:
    """Become the device that the code is for. A code is good once."""
    behind_proxy = services.settings.behind_proxy
    services.limits.misses.take(f"pair {visitor(request, behind_proxy=behind_proxy)}", now)

    def work(session: Session) -> PairOut:
        token, device = pair(session, body.code, now=now)
        return PairOut(token=token, device=_device_out(device, _codes(session)))

    return services.database.run(work)


@router.get("/api/v1/devices/me")
def get_me(request: Request, services: Svc, now: Now) -> MeOut:
    """What this device is, and who is at it."""
    token = token_of(request)

    def work(session: Session) -> MeOut:
        known: Known | None = None
        device: Device | None = None
        if token.startswith(SESSION):
            known = who(session, token, now=now)
            device = session.get_one(Device, known.device_id)
        elif token.startswith(DEVICE):
            device = device_of(session, token)
        return MeOut(
            mode=services.settings.handheld,
            device=None if device is None else _device_out(device, _codes(session)),
            operator=None if known is None else known.operator,
            name=None if known is None else known.name,
        )

    return services.database.run(work)


@router.post("/api/v1/people/sign-in")
def post_sign_in(body: SignInIn, request: Request, services: Svc, now: Now) -> SignInOut:
    """Somebody is at this device now; whoever was before is not.

    401 `pin_needed`: the badge alone is not enough now; `sign_in_failed`: badge or PIN is wrong;
    429 `entry_shut`: that was too often.
    """

    def work(session: Session) -> SignInOut | WmsError:
        device = _device_here(session, request, services, body.site, now)
        entered = sign_in(session, device, body.badge, body.pin, now=now)
        if isinstance(entered, WmsError):
            return entered
        token, known = entered
        return _signed_in(session, token, known)

    answer = services.database.run(work)
    services.people.forget()
    if isinstance(answer, WmsError):
        raise answer  # only now: the wrong PIN has been counted
    return answer


@router.post("/api/v1/people/sign-out", status_code=HTTPStatus.NO_CONTENT)
def post_sign_out(request: Request, services: Svc, now: Now) -> None:
    """Nobody is at this device any more; what they had in hand stays theirs."""
    services.database.run(lambda s: sign_out(s, token_of(request), now=now))
    services.people.forget()


# ------------------------------------------------------------------------------- the office
@router.get("/console/v1/operators")
def get_operators(services: Svc, _boss: Boss) -> list[OperatorOut]:
    """Everybody who works here."""
    return services.database.run(lambda s: [_operator_out(each) for each in all_operators(s)])


@router.put(
    "/console/v1/operators/{operator_id}",
    responses={201: {"model": OperatorOut, "description": "they are new"}},
)
def put_operator(
    operator_id: UUID, body: OperatorIn, response: Response, services: Svc, now: Now, _boss: Boss
) -> OperatorOut:
    """Make or change an operator; 201 when they are new. Who is not active cannot sign in."""

    def work(session: Session) -> tuple[bool, OperatorOut]:
        is_new = save_operator(session, operator_id, body.record(), now=now)
        return is_new, _operator_out(session.get_one(Operator, operator_id))

    is_new, answer = services.database.run(work)
    services.people.forget()
    response.status_code = HTTPStatus.CREATED if is_new else HTTPStatus.OK
    return answer


@router.get("/console/v1/devices")
def get_devices(services: Svc, _boss: Boss) -> list[DeviceOut]:
    """Every device, with when it was seen last and its battery."""

    def work(session: Session) -> list[DeviceOut]:
        codes = _codes(session)
        return [_device_out(each, codes) for each in all_devices(session)]

    return services.database.run(work)


@router.put(
    "/console/v1/devices/{device_id}",
    responses={201: {"model": DeviceOut, "description": "it is new"}},
)
def put_device(
    device_id: UUID, body: DeviceIn, response: Response, services: Svc, now: Now, _boss: Boss
) -> DeviceOut:
    """Make or change a device; 201 when it is new."""

    def work(session: Session) -> tuple[bool, DeviceOut]:
        if body.site not in sites_by_code(session, [body.site]):
            raise NotFound(f"site {body.site}")
        is_new = save_device(session, device_id, DeviceRecord(**body.model_dump()), now=now)
        return is_new, _device_out(session.get_one(Device, device_id), _codes(session))

    is_new, answer = services.database.run(work)
    services.people.forget()
    response.status_code = HTTPStatus.CREATED if is_new else HTTPStatus.OK
    return answer


@router.post("/console/v1/devices/{device_id}:pairing")
def post_pairing(
    device_id: UUID, body: CommandIn, services: Svc, now: Now, _boss: Boss
) -> PairingOut:
    """A code to pair it with, for ten minutes; the code before is good no more."""
    del body  # asked again, it is another code: the first was seen by nobody
    code, until = services.database.run(lambda s: begin_pairing(s, device_id, now=now))
    url = f"{services.settings.public_url}/ui/h#pair={code}"
    picture = io.BytesIO()
    segno.make(url, error="m", micro=False).save(picture, kind="svg", scale=4, xmldecl=False)
    return PairingOut(code=code, url=url, svg=picture.getvalue().decode(), until=until)


@router.post("/console/v1/devices/{device_id}:revoke")
def post_revoke(
    device_id: UUID, body: CommandIn, services: Svc, now: Now, _boss: Boss
) -> DeviceOut:
    """It opens nothing any more: lost, broken, sold."""
    del body  # done twice, it is done

    def work(session: Session) -> DeviceOut:
        revoke(session, device_id, now=now)
        return _device_out(session.get_one(Device, device_id), _codes(session))

    answer = services.database.run(work)
    services.people.forget()
    return answer


def _device_here(
    session: Session, request: Request, services: Services, site: str | None, now: datetime
) -> Device:
    """The device that asks: by its token, or where all is open by its name."""
    token = token_of(request)
    if token.startswith(DEVICE):
        return device_of(session, token)
    if services.settings.handheld == "paired":
        raise DeviceUnknown("this device is not paired: scan a pairing code")
    name = request.headers.get("x-soko-device", "handheld-1")[:HEADER_MAX].replace("\0", "")
    found = session.scalars(select(Device).where(Device.name == name)).first()
    if found is not None and (found.paired_at is not None or site is None):
        return found
    record = DeviceRecord(name=name, site=site or services.floor.hub_code)
    if record.site not in sites_by_code(session, [record.site]):
        raise NotFound(f"site {record.site}")
    id_ = derive(_OPEN, name) if found is None else found.id
    save_device(session, id_, record, now=now)
    return session.get_one(Device, id_)


_OPEN = UUID("5b7f1d46-3a3c-4f0e-9f57-6f6e2a1d9c10")  # devices that nobody has paired


def _signed_in(session: Session, token: str, known: Known) -> SignInOut:
    held = select(Task.id).where(Task.state == "LEASED", Task.operator == known.operator)
    return SignInOut(
        token=token,
        operator=known.operator,
        name=known.name,
        supervisor=known.supervisor,
        languages=list(known.languages),
        kinds=sorted(known.kinds),
        zones=sorted(known.zones),
        equipment=sorted(known.equipment),
        device=known.device,
        site=known.site,
        has_open_work=session.scalars(held.limit(1)).first() is not None,
    )


def _codes(session: Session) -> dict[UUID, str]:
    return {site.id: code for code, site in sites_by_code(session).items()}


def _operator_out(operator: Operator) -> OperatorOut:
    return OperatorOut(**{name: getattr(operator, name) for name in OperatorOut.model_fields})


def _device_out(device: Device, codes: dict[UUID, str]) -> DeviceOut:
    facts = {name: getattr(device, name) for name in DeviceOut.model_fields if name != "site"}
    return DeviceOut(**facts, site=codes.get(device.site_id, ""))
