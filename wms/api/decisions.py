"""Decisions over HTTP: why an order is sent from there, and the policies that say so.

For order systems the record of each decision and "what would make Tokyo win"; for people who
look after sourcing the policies, what a shadow policy would have done, closed sites, and what
goods lose where they lie. Sentences are codes with parameters: screens say them.
"""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime, BaseModel, Field, StrictFloat, StrictInt
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms.api.dependencies import Now, Svc
from wms.api.shapes import Shape, Text
from wms.catalog import skus_by_code
from wms.errors import NotFound
from wms.orders import policy, shadow
from wms.orders.capacity import SiteClosure, StockValue
from wms.orders.exclusion import close_site, open_site, site_named
from wms.orders.explain import what_if
from wms.orders.model import Decision, Order
from wms.sites import Site

router = APIRouter(tags=["decisions"])

MINOR_MAX = 1_000_000
SAYS = frozenset({"code"})  # of a sentence; all else fills it in

Weight = Annotated[StrictInt, Field(ge=0, le=MINOR_MAX)]
ThreeKinds = Annotated[list[Weight], Field(min_length=3, max_length=3)]
Share = Annotated[StrictFloat | StrictInt, Field(ge=0, le=100, allow_inf_nan=False)]
Name = Annotated[str, Path(min_length=1, max_length=60, pattern=r"^[A-Za-z0-9._-]+$")]
Code = Annotated[str, Path(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class WhyOut(BaseModel):
    """A sentence: its code, and what fills it in."""

    code: str
    params: dict[str, Any] = {}


class CandidateOut(BaseModel):
    """A site as if it sent the whole order. `reasons`: why it could not, or would be late."""

    site: str
    feasible: bool
    cost_minor: float
    terms: dict[str, float]
    ships_on: str | None = None
    arrives_by: str | None = None
    late_days: int = 0
    reasons: list[WhyOut]


class ChosenOut(BaseModel):
    """Units of a line from a site."""

    line_no: int
    site: str
    units: int


class PlanOut(BaseModel):
    """A plan that was not taken."""

    sites: list[str]
    cost_minor: float
    terms: dict[str, float]


class DecisionOut(BaseModel):
    """A decision. Costs are minor units as they were weighed, `bound` and `gap` the batch's."""

    id: UUID
    kind: str
    decided_at: datetime
    status: str
    policy: str
    policy_version: int
    cost_minor: float
    terms: dict[str, float]
    bound: float | None
    gap: float | None
    runtime_s: float
    inputs_hash: str
    chosen: list[ChosenOut]
    runner_up: str | None
    runner_up_plan: PlanOut | None
    candidates: list[CandidateOut]
    why: list[WhyOut]


class DecisionsOut(BaseModel):
    """All decisions on an order, the last first."""

    decisions: list[DecisionOut]


class TermOut(BaseModel):
    """A term of a site's cost: what it is, and what it would have to be, all else as it was."""

    name: str
    now: float
    needed: float
    enough: bool


class WhatIfOut(BaseModel):
    """What would make a site send the order. `gap` is by how much it costs more."""

    site: str
    wins: bool
    feasible: bool
    gap: float
    terms: list[TermOut]
    reasons: list[WhyOut]


class WeightsIn(Shape):
    """How much each term counts; see wms.orders.policy. Three numbers: DC, FC, store."""

    split_minor: Weight = 150
    carton_minor: Weight = 60
    packing_minor: ThreeKinds = Field(default=[60, 80, 180])
    unit_minor: ThreeKinds = Field(default=[10, 14, 35])
    late_day_minor: Weight = 1_500
    day_minor: Weight = 20
    co2_minor_per_kg: Weight = 10
    keep_units: Annotated[StrictInt, Field(ge=0, le=10_000)] = 2
    balance_minor: Weight = 50
    markdown: Share = 1.0
    scarcity: Share = 1.0
    rank_percent: Annotated[StrictInt, Field(ge=0, le=1_000)] = 50
    backorder_minor: Annotated[StrictInt, Field(ge=1, le=10**9)] = 20_000

    def weights(self) -> policy.Weights:
        """As sourcing takes them."""
        facts = self.model_dump()
        plain: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in facts.items()
        }
        shares = {"markdown": float(self.markdown), "scarcity": float(self.scarcity)}
        return policy.Weights(**plain | shares)


class PolicyIn(Shape):
    """A policy: which way of choosing, by which weights, live or in the shadow."""

    method: Literal["COST", "NEAREST", "PRIORITY"] = "COST"
    state: Annotated[Literal["LIVE", "SHADOW", "OFF"], Field(examples=["SHADOW"])]
    weights: WeightsIn = WeightsIn()


class PolicyOut(BaseModel):
    """A policy as it stands; version 0 is the one that comes with the program."""

    name: str
    version: int
    method: str
    state: str
    weights: dict[str, Any]


class SideOut(BaseModel):
    """Figures of a policy over the orders that were compared."""

    cost_minor: int
    weighed: int
    parcels: int
    splits: int
    late_lines: int
    unfilled_lines: int
    co2_g: int


class ShadowOut(BaseModel):
    """A shadow policy beside what was done, for the same orders."""

    policy: str
    version: int
    orders: int
    lines: int
    differ: int
    since: datetime
    live: SideOut
    shadow: SideOut


class ClosureIn(Shape):
    """Why a site sends nothing, and until when (without: until it is opened)."""

    reason: Text
    until: AwareDatetime | None = None


class ClosureOut(BaseModel):
    """A closed site."""

    site: str
    reason: str
    since: datetime
    until: datetime | None


class StockValueIn(Shape):
    """What a unit loses if it stays there."""

    markdown_minor: Weight


@router.get("/oms/v1/orders/{order_id}/decisions")
def get_decisions(order_id: UUID, services: Svc) -> DecisionsOut:
    """Why an order is sent from there: candidates by cost term, the chosen, the runner-up."""
    rows = services.database.run(lambda s: _decisions(s, order_id))
    return DecisionsOut(decisions=[_out(row) for row in rows])


@router.get("/oms/v1/orders/{order_id}/decisions/what-if")
def get_what_if(order_id: UUID, site: Annotated[Text, Query()], services: Svc) -> WhatIfOut:
    """What would make that site win, by the last decision on the order."""
    rows = services.database.run(lambda s: _decisions(s, order_id))
    last = next((row for row in rows if row.kind == "SOURCED"), None)
    if last is None:
        raise NotFound(f"a decision on order {order_id}")
    answer = what_if(last.candidates, last.chosen, last.terms, site)
    if answer is None:
        raise NotFound(f"site {site} among the candidates of order {order_id}")
    return WhatIfOut(
        **answer | {"reasons": [_why(each) for each in answer["reasons"]]},
    )


@router.get("/console/v1/policies")
def get_policies(services: Svc) -> list[PolicyOut]:
    """The policies, with the one that decides."""
    return [_policy(each) for each in services.database.run(policy.policies)]


@router.put("/console/v1/policies/{name}")
def put_policy(name: Name, body: PolicyIn, services: Svc, now: Now) -> PolicyOut:
    """Save a policy. Other weights make a new version; making it LIVE ends the one before."""
    saved, _ = services.database.run(
        lambda s: policy.save_policy(
            s, name, body.weights.weights(), method=body.method, state=body.state, now=now
        )
    )
    return _policy(saved)


@router.get("/console/v1/shadow")
def get_shadow(services: Svc, since: AwareDatetime | None = None) -> list[ShadowOut]:
    """What shadow policies would have done, beside what was done."""
    found = services.database.run(lambda s: shadow.side_by_side(s, since=since))
    return [ShadowOut(**each) for each in found]


@router.get("/console/v1/closures")
def get_closures(services: Svc) -> list[ClosureOut]:
    """The sites that send nothing."""

    def work(session: Session) -> list[ClosureOut]:
        query = select(SiteClosure, Site.code).join(Site, Site.id == SiteClosure.site_id)
        return [_closure(row, code) for row, code in session.execute(query.order_by(Site.code))]

    return services.database.run(work)


@router.put("/console/v1/sites/{site}/closure")
def put_closure(site: Code, body: ClosureIn, services: Svc, now: Now) -> ClosureOut:
    """Close a site: what it has not begun is sourced again, elsewhere."""

    def work(session: Session) -> ClosureOut:
        found = site_named(session, site)
        close_site(session, found.id, reason=body.reason, until=body.until, now=now)
        return ClosureOut(site=site, reason=body.reason, since=now, until=body.until)

    return services.database.run(work)


@router.delete("/console/v1/sites/{site}/closure", status_code=204)
def delete_closure(site: Code, services: Svc) -> Response:
    """Open a site again."""
    services.database.run(lambda s: open_site(s, site_named(s, site).id))
    return Response(status_code=204)


@router.put("/console/v1/stock-values/{site}/{sku}")
def put_stock_value(site: Code, sku: Code, body: StockValueIn, services: Svc) -> StockValueIn:
    """Say what a unit of a SKU loses if it stays at a site: sourcing then rather sends it."""

    def work(session: Session) -> StockValueIn:
        there, goods = site_named(session, site), skus_by_code(session, [sku]).get(sku)
        if goods is None:
            raise NotFound(f"SKU {sku}")
        row = {"site_id": there.id, "sku_id": goods.id, "markdown_minor": body.markdown_minor}
        statement = insert(StockValue).values(row)
        session.execute(
            statement.on_conflict_do_update(index_elements=["site_id", "sku_id"], set_=row)
        )
        return body

    return services.database.run(work)


def _decisions(session: Session, order_id: UUID) -> list[Decision]:
    if session.get(Order, order_id) is None:
        raise NotFound(f"order {order_id}")
    query = select(Decision).where(Decision.order_id == order_id)
    return list(session.scalars(query.order_by(Decision.decided_at.desc(), Decision.id)))


def _out(row: Decision) -> DecisionOut:
    other = row.runner_up
    return DecisionOut(
        id=row.id,
        kind=row.kind,
        decided_at=row.decided_at,
        status=row.status,
        policy=row.policy,
        policy_version=row.policy_version,
        cost_minor=round(sum(row.terms.values()), 2),
        terms=row.terms,
        bound=row.bound,
        gap=row.gap,
        runtime_s=row.runtime_s,
        inputs_hash=row.inputs_hash,
        chosen=[
            ChosenOut(line_no=line["line_no"], site=site, units=units)
            for line in row.chosen
            for site, units in line["sites"].items()
        ],
        runner_up=None if other is None else ",".join(other["sites"]),
        runner_up_plan=None
        if other is None
        else PlanOut(sites=other["sites"], cost_minor=other["cost"], terms=other["terms"]),
        candidates=[_candidate(each) for each in row.candidates],
        why=[_why(each) for each in row.why],
    )


def _candidate(raw: dict[str, Any]) -> CandidateOut:
    reasons = [] if raw["why"] in {"", "stock"} else [WhyOut(code=raw["why"])]
    reasons += [WhyOut(code="stock", params=each) for each in raw.get("lacking", ())]
    if raw.get("late_days"):
        reasons.append(WhyOut(code="late", params={"days": raw["late_days"]}))
    return CandidateOut(
        site=raw["site"],
        feasible=raw["feasible"],
        cost_minor=raw["cost"],
        terms=raw["terms"],
        ships_on=raw.get("ships_on"),
        arrives_by=raw.get("arrives_by"),
        late_days=raw.get("late_days", 0),
        reasons=reasons,
    )


def _why(raw: dict[str, Any]) -> WhyOut:
    return WhyOut(code=raw["code"], params={k: v for k, v in raw.items() if k not in SAYS})


def _policy(one: policy.Policy) -> PolicyOut:
    weights = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(one.weights).items()}
    return PolicyOut(
        name=one.name, version=one.version, method=one.method, state=one.state, weights=weights
    )


def _closure(row: SiteClosure, code: str) -> ClosureOut:
    return ClosureOut(site=code, reason=row.reason, since=row.from_at, until=row.until_at)
