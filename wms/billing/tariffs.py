"""Tariffs: versions of what an owner pays, and who bills. A version is never changed.

A version with a day in the past changes what past months cost: they are billed again by the
difference (wms.billing.invoices).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from pydantic import TypeAdapter
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms.billing.model import Issuer, TariffRow
from wms.billing.rules import FITS, Tariff, is_registration
from wms.catalog import HOUSE, owners_by_code
from wms.errors import IdReused, NotFound, Rejected
from wms.ids import OwnerId, derive

_TARIFF: TypeAdapter[Tariff] = TypeAdapter(Tariff)


class MalformedTariff(Rejected):
    """A tariff that cannot be meant.

    Attributes:
        reason: "kind_and_per", "code_repeated".
        line: the code of the first such line.
    """

    code: ClassVar[str] = "malformed_tariff"

    def __init__(self, reason: str, line: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.reason = reason
        self.line = line


class MalformedRegistration(Rejected):
    """Not a registration number: T and 13 digits, of which the first checks the others."""

    code: ClassVar[str] = "malformed_registration"


def owner_named(session: Session, code: str) -> OwnerId:
    """The owner with that code.

    Raises:
        NotFound: there is none.
    """
    found = owners_by_code(session, [code]).get(code)
    if found is None:
        raise NotFound(f"owner {code}")
    return found


def save_tariff(session: Session, owner: OwnerId, tariff: Tariff, *, now: datetime) -> bool:
    """Keep a version; False if it is known.

    Raises:
        MalformedTariff: it cannot be meant.
        IdReused: that version says something else.
    """
    seen: set[str] = set()
    for line in tariff.lines:
        if line.per not in FITS[line.kind]:
            raise MalformedTariff("kind_and_per", line.code)
        if line.code in seen:
            raise MalformedTariff("code_repeated", line.code)
        seen.add(line.code)
    body = _TARIFF.dump_python(tariff, mode="json")
    row = {
        "owner_id": owner, "version": tariff.version, "valid_from": tariff.valid_from,
        "body": body, "saved_at": now,
    }  # fmt: skip
    new = insert(TariffRow).values(row).on_conflict_do_nothing().returning(TariffRow.version)
    if session.scalar(new) is not None:
        return True
    if session.get_one(TariffRow, (owner, tariff.version)).body != body:
        raise IdReused(derive(owner, "tariff", tariff.version))
    return False


def tariffs_of(session: Session, owner: OwnerId) -> Sequence[Tariff]:
    """All versions, the first first."""
    query = select(TariffRow).where(TariffRow.owner_id == owner).order_by(TariffRow.version)
    return [_TARIFF.validate_python(row.body) for row in session.scalars(query)]


def save_issuer(
    session: Session, *, name: str, registration: str, address: str, now: datetime
) -> None:
    """Who bills from now on.

    Raises:
        MalformedRegistration: the number is none.
    """
    if not is_registration(registration):
        raise MalformedRegistration(registration)
    row = {
        "code": HOUSE, "name": name, "registration": registration, "address": address,
        "saved_at": now,
    }  # fmt: skip
    new = insert(Issuer).values(row)
    changes = {key: value for key, value in row.items() if key != "code"}
    session.execute(new.on_conflict_do_update(index_elements=["code"], set_=changes))


def issuer(session: Session) -> dict[str, str]:
    """Who bills; empty words while nobody has said.

    Returns:
        name, registration, address.
    """
    row = session.get(Issuer, HOUSE)
    if row is None:
        return {"name": "", "registration": "", "address": ""}
    return {"name": row.name, "registration": row.registration, "address": row.address}
