"""Identifiers: one type per entity, made by whoever first thinks of the entity.

An id is a UUIDv7, so ids sort by the time they were made and index well. The client makes the id
(a shop, a handheld, another of our services), keeps it, and sends it again on every retry: an id
is at the same time the key that makes a request safe to repeat.

Where one event must cause one command however often it is worked on, the command's id is
*derived* from the event's id (`derive`): a retry then derives the same id and is recognised.

Codes that people read and scan (an order number, a location "A-12-3", an SSCC) are not ids. They
are attributes, unique within their owner, and may be reused or corrected.

Source: RFC 9562, sections 5.5 and 5.7.
"""

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import datetime
from typing import NewType
from uuid import UUID, uuid5

OwnerId = NewType("OwnerId", UUID)
SiteId = NewType("SiteId", UUID)
LocationId = NewType("LocationId", UUID)
SkuId = NewType("SkuId", UUID)
HandlingUnitId = NewType("HandlingUnitId", UUID)
HoldId = NewType("HoldId", UUID)
CommandId = NewType("CommandId", UUID)
OrderId = NewType("OrderId", UUID)
ParcelId = NewType("ParcelId", UUID)
TaskId = NewType("TaskId", UUID)
ReturnId = NewType("ReturnId", UUID)


class _Chance:
    bits: Callable[[int], int] = staticmethod(secrets.randbits)


def draw_from(bits: Callable[[int], int]) -> None:
    """Take what is random of ids from there: a day that is played again has the same ids."""
    _Chance.bits = staticmethod(bits)


def new_id(now: datetime) -> UUID:
    """A fresh UUIDv7 for that moment; 74 of its bits are random."""
    unix_ms = int(now.timestamp() * 1000)
    assert 0 <= unix_ms < 1 << 48
    rand_a, rand_b = _Chance.bits(12), _Chance.bits(62)
    return UUID(int=unix_ms << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b)


def new_token() -> str:
    """A name that cannot be guessed, for an address: 128 random bits in 22 characters."""
    return urlsafe_b64encode(_Chance.bits(128).to_bytes(16)).rstrip(b"=").decode()


def derive(parent: UUID, *path: str | int) -> UUID:
    """The id of what `parent` causes under that name: the same every time it is asked."""
    return uuid5(parent, "/".join(map(str, path)))
