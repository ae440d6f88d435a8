"""Replenishment over HTTP: policies are kept, proposals are read and decided by people."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from wms.api.dependencies import Now, Svc, Who
from wms.api.shapes import AnyText, Shape, Text
from wms.replenishment import decide, levels, policies
from wms.replenishment.jobs import balance_stock
from wms.replenishment.policies import Face, Policy
from wms.replenishment.read import proposals

router = APIRouter(prefix="/console/v1", tags=["console"])
UNITS_MAX = 2**31 - 1
Level = Annotated[StrictInt, Field(ge=0, le=UNITS_MAX)]
Pack = Annotated[StrictInt, Field(ge=1, le=UNITS_MAX)]
Service = Annotated[StrictInt, Field(ge=0, le=99)]
Lead = Annotated[StrictInt, Field(ge=0, le=90)]
State = Literal["OPEN", "APPROVED", "REJECTED", "WITHDRAWN", "DONE"]


class PolicyIn(Shape):
    """How much a site wants to have of a SKU.

    MINMAX: below `low`, up to `high`; SS, the (s, S) policy: at `low` or below. Proposals of up to
    `auto_units_max` units are carried out without asking. With a `service_percent`, each night the
    levels become those under which that share of days without a shortage costs least.
    """

    kind: Literal["MINMAX", "SS"] = "MINMAX"
    low: Annotated[Level, Field(examples=[6])]
    high: Annotated[Level, Field(examples=[24])]
    source: Annotated[Text, Field(examples=["TYO1"])]
    pack_units: Pack = 1
    auto_units_max: Level = 0
    active: StrictBool = True
    service_percent: Annotated[Service, Field(description="0: levels as said")] = 0
    lead_days: Lead = 2


class PolicyOut(BaseModel):
    """A policy, with whose it is."""

    model_config = ConfigDict(from_attributes=True)

    site: str
    sku: str
    kind: Literal["MINMAX", "SS"]
    low: int
    high: int
    source: str
    pack_units: int
    auto_units_max: int
    active: bool
    service_percent: int
    lead_days: int


class SuggestionOut(BaseModel):
    """Levels that demand asks for; `why` says what was foreseen, how, and how wrong that was."""

    model_config = ConfigDict(from_attributes=True)

    low: int
    high: int
    why: dict[str, Any]


class FaceIn(Shape):
    """How much of a SKU a place to pick from should have: below `low`, up to `high`."""

    low: Annotated[Level, Field(examples=[5])]
    high: Annotated[Level, Field(examples=[40])]
    pack_units: Pack = 1
    auto_units_max: Level = 0
    active: StrictBool = True


class FaceOut(BaseModel):
    """What a place should have."""

    model_config = ConfigDict(from_attributes=True)

    site: str
    location: str
    sku: str
    low: int
    high: int
    pack_units: int
    auto_units_max: int
    active: bool


class ProposalOut(BaseModel):
    """Goods that should go to a site or a place; `facts` are the figures that it was made from."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: Literal["REPLENISH", "PICK_FACE", "BALANCE"]
    state: State
    site: str
    from_site: str
    from_location: str | None
    to_location: str | None
    sku: str
    name_en: str
    name_ja: str
    units: int
    facts: dict[str, Any]
    made_at: datetime
    decided_at: datetime | None
    decided_by: str
    reason: str
    cause_id: UUID | None


class ApproveIn(Shape):
    """The act's id makes it once."""

    command_id: UUID


class RejectIn(Shape):
    """Why not; the act's id makes it once."""

    command_id: UUID
    reason: AnyText = ""


class BalancedOut(BaseModel):
    """How many proposals came of it."""

    proposals: int


@router.get("/stock-policies")
def get_policies(services: Svc, site: Annotated[Text | None, Query()] = None) -> list[PolicyOut]:
    """How much sites want to have."""
    found = services.database.run(lambda s: policies.policies(s, site=site))
    return [PolicyOut.model_validate(each) for each in found]


@router.put("/stock-policies/{site}/{sku}")
def put_policy(site: Text, sku: Text, body: PolicyIn, services: Svc, now: Now) -> PolicyOut:
    """Say how much a site wants to have of a SKU, and where it comes from."""
    policy = Policy(site=site, sku=sku, **body.model_dump())
    services.database.run(lambda s: policies.save_policy(s, policy, now=now))
    return PolicyOut.model_validate(policy)


@router.get("/stock-policies/{site}/{sku}/suggested")
def get_suggested(
    site: Text,
    sku: Text,
    services: Svc,
    now: Now,
    service_percent: Annotated[int, Query(ge=1, le=99)] = 95,
    lead_days: Annotated[int, Query(ge=0, le=90)] = 2,
) -> SuggestionOut:
    """The levels that demand asks for, with the forecast and its error; nothing is changed."""
    found = services.database.run(
        lambda s: levels.suggest(
            s, site, sku, service_percent=service_percent, lead_days=lead_days, now=now
        )
    )
    return SuggestionOut.model_validate(found)


@router.get("/pick-faces")
def get_faces(services: Svc, site: Annotated[Text | None, Query()] = None) -> list[FaceOut]:
    """How much places to pick from should have."""
    found = services.database.run(lambda s: policies.faces(s, site=site))
    return [FaceOut.model_validate(each) for each in found]


@router.put("/pick-faces/{site}/{location}/{sku}")
def put_face(
    site: Text, location: Text, sku: Text, body: FaceIn, services: Svc, now: Now
) -> FaceOut:
    """Say how much of a SKU a place should have; it is filled from the site's own reserve."""
    face = Face(site=site, location=location, sku=sku, **body.model_dump())
    services.database.run(lambda s: policies.save_face(s, face, now=now))
    return FaceOut.model_validate(face)


@router.get("/proposals")
def get_proposals(
    services: Svc,
    state: Annotated[State | None, Query()] = "OPEN",
    site: Annotated[Text | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> list[ProposalOut]:
    """Proposals of that state, the newest first."""
    found = services.database.run(lambda s: proposals(s, state=state, site=site, limit=limit))
    return [ProposalOut.model_validate(each) for each in found]


@router.post("/proposals/{proposal_id}:approve")
def post_approve(
    proposal_id: UUID, body: ApproveIn, services: Svc, now: Now, actor: Who
) -> ProposalOut:
    """Carry a proposal out: a transfer, or a task for the floor."""
    services.database.run(
        lambda s: decide.approve(
            s,
            decide.lock_proposal(s, proposal_id),
            command_id=body.command_id,
            actor=str(actor),
            now=now,
        )
    )
    return _one(services, proposal_id)


@router.post("/proposals/{proposal_id}:reject")
def post_reject(
    proposal_id: UUID, body: RejectIn, services: Svc, now: Now, actor: Who
) -> ProposalOut:
    """Do not carry a proposal out; it is not made again for a day."""
    services.database.run(
        lambda s: decide.reject(
            s,
            decide.lock_proposal(s, proposal_id),
            command_id=body.command_id,
            actor=str(actor),
            reason=body.reason,
            now=now,
        )
    )
    return _one(services, proposal_id)


@router.post("/balancing")
def post_balancing(services: Svc, now: Now) -> BalancedOut:
    """Weigh now what should go where, as is done every night."""
    return BalancedOut(proposals=balance_stock(services.database, now))


def _one(services: Svc, proposal_id: UUID) -> ProposalOut:
    (found,) = services.database.run(lambda s: proposals(s, proposal_id=proposal_id))
    return ProposalOut.model_validate(found)
