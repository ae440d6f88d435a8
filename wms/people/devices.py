"""Devices: handhelds and screens, named, paired once, revoked.

    save_device -> begin_pairing -> a code, shown as QR, good for ten minutes and one device
                                    pair(code) -> its token, shown once; kept is a hash

Pairing again makes the old token worthless: a name has one device at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.access import KeyMissing
from wms.errors import NotFound, Rejected
from wms.people.model import Device, SignIn
from wms.people.operators import CodeTaken
from wms.people.secrets import DEVICE, hash_of, new_code, new_secret
from wms.sites import site_id

PAIRING = timedelta(minutes=10)


class DeviceUnknown(KeyMissing):
    """This device is not paired, or it was revoked."""

    code: ClassVar[str] = "device_unknown"


class PairingOver(Rejected):
    """There is no such pairing code, it was used, or its time is over."""

    code: ClassVar[str] = "pairing_over"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRecord:
    """A device as the office has it: where it is used, and what it prints on."""

    name: str
    site: str
    zone: str = ""
    station: str = ""
    printer: str = ""
    equipment: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What a device says of itself; None, "": it does not know.

    Units: `battery` percent; `queued` scans that wait on it to be sent.
    """

    battery: int | None = None
    firmware: str = ""
    queued: int | None = None


ALIVE = Life()


def save_device(session: Session, id_: UUID, record: DeviceRecord, *, now: datetime) -> bool:
    """Make or change a device; whether it is new.

    Raises:
        CodeTaken: another one has that name.
    """
    device = session.get(Device, id_, with_for_update=True)
    is_new = device is None
    others = select(Device.id).where(Device.id != id_, Device.name == record.name)
    if session.scalars(others).first():
        raise CodeTaken("name")
    if device is None:
        device = Device(id=id_, made_at=now)
        session.add(device)
    device.name, device.site_id = record.name, site_id(record.site)
    device.zone, device.station, device.printer = record.zone, record.station, record.printer
    device.equipment = list(record.equipment)
    session.flush()
    return is_new


def all_devices(session: Session) -> Sequence[Device]:
    """Every device, in the order of their names."""
    return session.scalars(select(Device).order_by(Device.name)).all()


def begin_pairing(session: Session, id_: UUID, *, now: datetime) -> tuple[str, datetime]:
    """A code for one device, and until when it is good. The one before is good no more.

    Raises:
        NotFound: there is no such device.
    """
    device = _device(session, id_)
    code = new_code()
    device.pairing_hash, device.pairing_until = hash_of(code), now + PAIRING
    return code, device.pairing_until


def pair(session: Session, code: str, *, now: datetime) -> tuple[str, Device]:
    """The token of the device that has shown the code, and the device. The code is used up.

    Raises:
        PairingOver: it is no good (any more).
    """
    query = select(Device).where(Device.pairing_hash == hash_of(code.strip().upper()))
    device = session.scalars(query.with_for_update()).first()
    if device is None or device.pairing_until is None or device.pairing_until < now:
        raise PairingOver("this code is no good any more: ask for a new one")
    token = new_secret(DEVICE)
    device.token_hash, device.paired_at, device.last_seen_at = hash_of(token), now, now
    device.pairing_hash = device.pairing_until = device.revoked_at = None
    _sign_all_out(session, device.id, now)
    return token, device


def revoke(session: Session, id_: UUID, *, now: datetime) -> None:
    """It opens nothing any more, and whoever was signed in there is not.

    Raises:
        NotFound: there is no such device.
    """
    device = _device(session, id_)
    device.token_hash = device.pairing_hash = device.pairing_until = None
    device.revoked_at = now
    _sign_all_out(session, id_, now)


def device_of(session: Session, token: str) -> Device:
    """The device with that token.

    Raises:
        DeviceUnknown: there is none.
    """
    device = session.scalars(select(Device).where(Device.token_hash == hash_of(token))).first()
    if device is None:
        raise DeviceUnknown("this device is not paired: scan a pairing code")
    return device


def seen(session: Session, name: str, life: Life = ALIVE, *, now: datetime) -> None:
    """A device is alive; nobody minds if the office does not know it."""
    query = select(Device).where(Device.name == name).with_for_update(skip_locked=True)
    device = session.scalars(query).first()
    if device is not None:
        device.last_seen_at = now
        device.battery = device.battery if life.battery is None else life.battery
        device.firmware = life.firmware or device.firmware
        device.queued = device.queued if life.queued is None else life.queued


def _device(session: Session, id_: UUID) -> Device:
    device = session.get(Device, id_, with_for_update=True)
    if device is None:
        raise NotFound(f"device {id_}")
    return device


def _sign_all_out(session: Session, id_: UUID, now: datetime) -> None:
    here = select(SignIn).where(SignIn.device_id == id_, SignIn.ended_at.is_(None))
    for each in session.scalars(here.with_for_update()):
        each.ended_at = now
