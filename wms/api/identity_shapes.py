"""Shapes of sign-in, accounts, keys and the audit log, in and out."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StrictBool, StrictInt, StringConstraints

from wms.api.people_shapes import Name
from wms.api.shapes import PRINTABLE, CommandIn, Shape
from wms.identity.accounts import AccountRecord
from wms.identity.audit import Kind
from wms.identity.passwords import LENGTH_MAX
from wms.identity.roles import Right
from wms.reach import ALL

Code = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9._@+-]{1,80}$")]
Word = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z:_-]{1,40}$")]
Password = Annotated[
    str, StringConstraints(strict=True, min_length=1, max_length=LENGTH_MAX, pattern=PRINTABLE)
]
Secret = Annotated[str, StringConstraints(strict=True, pattern=r"^soko_u_[0-9a-f]{64}$")]
Codes = Annotated[tuple[Name, ...], Field(max_length=200)]


class WaysOut(BaseModel):
    """How the office signs in here."""

    provider: bool = Field(description="at the company's provider of identities")
    guarded: bool = Field(description="whether somebody must sign in")


class PasswordIn(Shape):
    """Who it is, without a provider."""

    code: Code
    password: Password


class SetUpIn(Shape):
    """The first administrator, by a link of `soko admin set-up`."""

    token: Secret
    code: Code
    name: Name
    password: Password


class RightIn(Shape):
    """A role for sites and owners, by their codes; `*` is all, nothing is none."""

    role: Word
    sites: Codes = (ALL,)
    owners: Codes = (ALL,)

    def right(self) -> Right:
        """As the use case takes it."""
        return Right(role=self.role, sites=self.sites, owners=self.owners)


class RightOut(BaseModel):
    """A role and where it counts."""

    role: str
    sites: list[str]
    owners: list[str]


class MyselfOut(BaseModel):
    """Who has signed in, and what they may do."""

    code: str
    name: str
    rights: list[RightOut]
    scopes: list[str]


class AccountIn(Shape):
    """Somebody of the office, and all their rights. Not active: signed out, and stays out."""

    code: Code
    name: Name
    active: StrictBool = True
    rights: Annotated[tuple[RightIn, ...], Field(max_length=20)] = ()

    def record(self) -> AccountRecord:
        """As the use case takes it."""
        rights = tuple(each.right() for each in self.rights)
        return AccountRecord(code=self.code, name=self.name, active=self.active, rights=rights)


class AccountOut(BaseModel):
    """An account as it stands."""

    id: UUID
    code: str
    name: str
    active: bool
    by: Literal["provider", "password", "none"] = Field(description="how they sign in, if they can")
    made_at: datetime
    rights: list[RightOut]
    sessions: int = Field(description="screens where they are signed in now")


class KeyIn(CommandIn):
    """A key of another system: what it may do, where, for whose goods, how long, how often."""

    name: Name
    scopes: Annotated[tuple[Word, ...], Field(min_length=1, max_length=30)]
    sites: Codes = (ALL,)
    owners: Codes = (ALL,)
    days: Annotated[StrictInt, Field(ge=1, le=3650)] | None = None
    per_minute: Annotated[StrictInt, Field(ge=0, le=1_000_000)] = 0


class SucceedIn(CommandIn):
    """A successor; for how long the key before lives on beside it."""

    overlap_days: Annotated[StrictInt, Field(ge=0, le=365)] | None = None


class KeyMadeOut(BaseModel):
    """A key, whole: it is never shown again."""

    key: str
    id: str


class KeyOut(BaseModel):
    """A key as it stands."""

    id: str
    name: str
    scopes: list[str]
    sites: list[str]
    owners: list[str]
    per_minute: int
    made_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class AuditOut(BaseModel):
    """What somebody did."""

    id: UUID
    at: datetime
    kind: Kind
    who: str
    what: str
    subject: str
    address: str
    facts: dict[str, Any]


class AuditPageOut(BaseModel):
    """The newest first; `next`: ask with that as `before`."""

    events: list[AuditOut]
    next: UUID | None


class SecondOut(BaseModel):
    """What waits for the word of a second person."""

    id: UUID
    what: str
    facts: dict[str, Any]
    asked_by: str
    asked_at: datetime
    until_at: datetime
    state: str
    decided_by: str | None


class RolesOut(BaseModel):
    """What each role may do, and what the words for that mean."""

    roles: dict[str, list[str]]
    scopes: dict[str, str]
