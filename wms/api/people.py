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
from uuid import UUID

import segno
from fastapi import APIRouter, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.api.dependencies import Boss, Now, Services, Svc, token_of
from wms.api.limits import visitor
from wms.api.people_shapes import (
    DeviceIn,
    DeviceOut,
    LifeIn,
    MeOut,
    OperatorIn,
    OperatorOut,
    PairIn,
    PairingOut,
    PairOut,
    SignInIn,
    SignInOut,
)
from wms.api.shapes import CommandIn
from wms.errors import NotFound, WmsError
from wms.identity.audit import Deed, record
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
    seen,
)
from wms.people.entry import Known, PinNeeded, sign_in, sign_out, who
from wms.people.model import Device, Operator
from wms.people.operators import all_operators, save_operator
from wms.people.secrets import DEVICE, SESSION
from wms.sites import sites_by_code
from wms.work.model import Task

router = APIRouter(tags=["people"])
HEADER_MAX = 100


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


@router.post("/api/v1/devices/me", status_code=HTTPStatus.NO_CONTENT)
def post_me(body: LifeIn, request: Request, services: Svc, now: Now) -> None:
    """A sign of life, by the device's own token: it has one whoever is at it, or nobody."""
    token = token_of(request)

    def work(session: Session) -> None:
        if token.startswith(DEVICE):
            name = device_of(session, token).name
        elif token.startswith(SESSION):
            name = who(session, token, now=now, is_there=False).device
        else:
            name = _open_name(request, services)
        seen(session, name, body.life(), now=now)

    services.database.run(work)


@router.post("/api/v1/people/sign-in")
def post_sign_in(body: SignInIn, request: Request, services: Svc, now: Now) -> SignInOut:
    """Somebody is at this device now; whoever was before is not.

    401 `pin_needed`: the badge alone is not enough now; `sign_in_failed`: badge or PIN is wrong;
    429 `entry_shut`: that was too often.
    """

    def work(session: Session) -> SignInOut | WmsError:
        device = _device_here(session, request, services, body.site, now)
        entered = sign_in(session, device, body.badge, body.pin, now=now)
        at = f"at {device.name}"
        if isinstance(entered, WmsError):
            if not isinstance(entered, PinNeeded):
                record(session, Deed(kind="sign_in_failed", who="badge:?", what=at), now=now)
            return entered
        token, known = entered
        who_ = f"badge:{known.operator}"
        record(session, Deed(kind="sign_in", who=who_, what=at), now=now)
        return _signed_in(session, token, known)

    answer = services.database.run(work)
    services.people.forget()
    if isinstance(answer, WmsError):
        raise answer  # only now: the wrong PIN has been counted
    return answer


@router.post("/api/v1/people/sign-out", status_code=HTTPStatus.NO_CONTENT)
def post_sign_out(request: Request, services: Svc, now: Now) -> None:
    """Nobody is at this device any more; what they had in hand stays theirs."""

    def work(session: Session) -> None:
        known = sign_out(session, token_of(request), now=now)
        if known:
            record(session, Deed(kind="sign_out", who=f"badge:{known}", what=""), now=now)

    services.database.run(work)
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
    name = _open_name(request, services)
    found = session.scalars(select(Device).where(Device.name == name)).first()
    if found is not None and (found.paired_at is not None or site is None):
        return found
    record = DeviceRecord(name=name, site=site or services.floor.hub_code)
    if record.site not in sites_by_code(session, [record.site]):
        raise NotFound(f"site {record.site}")
    id_ = derive(_OPEN, name) if found is None else found.id
    save_device(session, id_, record, now=now)
    return session.get_one(Device, id_)


def _open_name(request: Request, services: Services) -> str:
    """What a device without a token calls itself, where that is enough."""
    if services.settings.handheld == "paired":
        raise DeviceUnknown("this device is not paired: scan a pairing code")
    return request.headers.get("x-soko-device", "handheld-1")[:HEADER_MAX].replace("\0", "")


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
