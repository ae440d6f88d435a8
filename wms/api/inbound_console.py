"""Inbound for people at screens: receipts, what is tolerated, inspections, putaway and why."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel
from sqlalchemy.orm import Session

from wms.api.dependencies import Now, Svc, Who
from wms.api.inbound import behind, next_page
from wms.api.inbound_shapes import (
    InspectionOut,
    PlanIn,
    PlanOut,
    ReceiptOut,
    ReceiptsOut,
    ToleranceIn,
    ToleranceOut,
)
from wms.api.putaway_shapes import ExplainedOut, PutawaysOut, RulesIn, RulesOut, VerdictOut
from wms.api.shapes import CommandIn, Text
from wms.catalog import HOUSE_OWNER_ID, skus_by_code
from wms.errors import NotFound
from wms.ids import SiteId
from wms.inbound import policy, read, rules
from wms.inbound.acts import once
from wms.inbound.found import found_parcel
from wms.inbound.goods import Loose, loose_goods, unit_at, unit_goods
from wms.inbound.model import InboundPolicy, InspectionPlan
from wms.inbound.plan import decide
from wms.inbound.reverse import reverse_receipt
from wms.sites import site_id, sites_by_code, virtual_location

router = APIRouter(prefix="/console/v1", tags=["console"])
NOBODY = UUID(int=0)
SHOWN_MAX = 100
Cursor = Annotated[Text | None, Query(max_length=500)]
Limit = Annotated[int, Query(ge=1, le=1000)]
PutawayState = Literal["OPEN", "MOVING", "DONE", "CANCELLED"]
InspectionState = Literal["OPEN", "PASSED", "FAILED", "CANCELLED"]


@router.get("/receipts")
def get_receipts(
    services: Svc,
    site: Annotated[Text | None, Query()] = None,
    asn_id: Annotated[UUID | None, Query()] = None,
    after: Cursor = None,
    limit: Limit = 100,
) -> ReceiptsOut:
    """What was counted, the newest first."""
    since = None if after is None else behind("receipts", after)
    rows = services.database.run(
        lambda s: read.receipts(s, site=site, asn_id=asn_id, after=since, limit=limit)
    )
    next_ = next_page("receipts", rows, "at", limit)
    return ReceiptsOut.model_validate({"receipts": rows, "next": next_})


@router.post("/receipts/{site}/{receipt_id}:reverse")
def post_reverse(
    site: Text, receipt_id: UUID, body: CommandIn, services: Svc, now: Now, actor: Who
) -> ReceiptOut:
    """A receipt was wrong: its opposite goes into the books. 409 `receipt_moved`: too late."""

    def run(session: Session) -> dict[str, Any]:
        at = site_id(site)

        def work() -> dict[str, Any]:
            found = reverse_receipt(session, at, receipt_id, actor=str(actor), now=now)
            rows = read.receipts(session, asn_id=found.asn_id, limit=100_000)
            row = next(row for row in rows if row["id"] == receipt_id)
            return ReceiptOut.model_validate(row).model_dump(mode="json")

        return once(session, at, body.command_id, f"reverse {receipt_id}", work, now=now)

    return ReceiptOut.model_validate(services.database.run(run))


class FoundOut(BaseModel):
    """How many units of a lost parcel came back into the books."""

    units: int


@router.post("/arrivals/{site}/{arrival_id}:found")
def post_arrival_found(
    site: Text, arrival_id: UUID, body: CommandIn, services: Svc, now: Now, actor: Who
) -> FoundOut:
    """A parcel that was given up has turned up: its goods stand at the dock, to be put away."""

    def run(session: Session) -> dict[str, Any]:
        at, _ = _whose(session, site, "")

        def work() -> dict[str, Any]:
            units = found_parcel(session, services.floor, at, arrival_id, actor=str(actor), now=now)
            return {"units": units}

        return once(session, at, body.command_id, f"found {arrival_id}", work, now=now)

    return FoundOut.model_validate(services.database.run(run))


@router.get("/inspections")
def get_inspections(
    services: Svc,
    site: Annotated[Text, Query()],
    state: Annotated[InspectionState | None, Query()] = "OPEN",
    limit: Limit = 200,
) -> list[InspectionOut]:
    """Samples to be looked at, or that were, the oldest first."""
    rows = services.database.run(lambda s: read.inspections(s, site, state, limit=limit))
    return [InspectionOut.model_validate(row) for row in rows]


# ------------------------------------------------------------------------------ what is tolerated
@router.get("/inbound-policies")
def get_policies(services: Svc, site: Annotated[Text, Query()]) -> list[ToleranceOut]:
    """What is tolerated at a site, by supplier and SKU."""
    rows = services.database.run(lambda s: _lines(s, InboundPolicy, site))
    return [ToleranceOut.model_validate(row) for row in rows]


@router.put("/inbound-policies")
def put_policy(body: ToleranceIn, services: Svc) -> ToleranceOut:
    """Say what is tolerated; the line that says most about goods counts."""

    def work(session: Session) -> None:
        site, sku = _whose(session, body.site, body.sku)
        policy.save_tolerance(session, site, body.supplier, sku, body.tolerance())

    services.database.run(work)
    return ToleranceOut.model_validate(body.model_dump())


@router.get("/inspection-plans")
def get_plans(services: Svc, site: Annotated[Text, Query()]) -> list[PlanOut]:
    """How goods are inspected at a site, by supplier and SKU."""
    rows = services.database.run(lambda s: _lines(s, InspectionPlan, site))
    return [PlanOut.model_validate(row) for row in rows]


@router.put("/inspection-plans")
def put_plan(body: PlanIn, services: Svc) -> PlanOut:
    """Say how goods are inspected; the line that says most about them counts."""

    def work(session: Session) -> None:
        site, sku = _whose(session, body.site, body.sku)
        policy.save_plan(session, site, body.supplier, sku, body.plan(), active=body.active)

    services.database.run(work)
    return PlanOut.model_validate(body.model_dump())


# --------------------------------------------------------------------------------------- putaway
@router.get("/putaways")
def get_putaways(
    services: Svc,
    site: Annotated[Text, Query()],
    state: Annotated[PutawayState | None, Query()] = "OPEN",
    after: Cursor = None,
    limit: Limit = 100,
) -> PutawaysOut:
    """Goods that are, or were, put away, with why they go there; the oldest first."""
    since = None if after is None else behind("putaways", after)
    rows = services.database.run(lambda s: read.putaways(s, site, state, after=since, limit=limit))
    next_ = next_page("putaways", rows, "made_at", limit)
    return PutawaysOut.model_validate({"putaways": rows, "next": next_})


@router.get("/putaway/rules/{site}")
def get_rules(site: Text, services: Svc) -> RulesOut:
    """The putaway table of a site."""
    return services.database.run(lambda s: _table(s, site))


@router.put("/putaway/rules/{site}")
def put_rules(site: Text, body: RulesIn, services: Svc, now: Now, actor: Who) -> RulesOut:
    """A new version of the table; the same again is no new one."""

    def work(session: Session) -> RulesOut:
        at, _ = _whose(session, site, "")
        lines = [rule.model_dump() for rule in body.rules]
        policy.save_table(session, at, lines, actor=str(actor), now=now)
        return _table(session, site)

    return services.database.run(work)


@router.get("/putaway/explain")
def get_explained(
    services: Svc,
    site: Annotated[Text, Query()],
    sku: Annotated[Text | None, Query()] = None,
    units: Annotated[int, Query(ge=1, le=2**31 - 1)] = 1,
    lot: Annotated[str, Query(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")] = "",
    lpn: Annotated[Text | None, Query()] = None,
) -> ExplainedOut:
    """Where goods would go now, and of each place that was looked at why, or why not."""

    def work(session: Session) -> ExplainedOut:
        at, _ = _whose(session, site, "")
        goods = _goods(session, at, sku, units, lot, lpn)
        by_robot = services.floor.hub == at
        choice = decide(session, at, goods, me=NOBODY, by_robot=by_robot)
        taken = [each.verdict for each in (choice.first, choice.second) if each]
        others = [each for each in choice.verdicts if each not in taken]
        others.sort(key=lambda each: (len(each.against), each.place))
        return ExplainedOut(
            site=site,
            sku=goods.sku,
            units=goods.units,
            first=_verdict(choice.first),
            first_units=choice.first.units if choice.first else 0,
            second=_verdict(choice.second),
            looked_at=len(choice.verdicts),
            others=[VerdictOut.model_validate(asdict(each)) for each in others[:SHOWN_MAX]],
        )

    return services.database.run(work)


def _goods(
    session: Session, site: SiteId, sku: str | None, units: int, lot: str, lpn: str | None
) -> rules.Goods:
    if lpn is not None:
        return unit_goods(session, site, unit_at(session, site, lpn))
    found = skus_by_code(session, [sku or ""]).get(sku or "")
    if found is None:
        raise NotFound(f"SKU {sku}")
    loose = Loose(
        sku_id=found.id,
        units=units,
        lot=lot,
        from_location_id=virtual_location(site, "DOCK_IN"),
        owner_id=HOUSE_OWNER_ID,
    )
    return loose_goods(session, loose)


def _verdict(option: rules.Option | None) -> VerdictOut | None:
    return None if option is None else VerdictOut.model_validate(asdict(option.verdict))


def _table(session: Session, site: str) -> RulesOut:
    at, _ = _whose(session, site, "")
    found = policy.latest_table(session, at)
    if found is None:
        lines = [asdict(rule) for rule in rules.DEFAULT]
        return RulesOut(site=site, version=0, made_at=None, made_by="", rules=lines)
    return RulesOut(
        site=site,
        version=found.version,
        made_at=found.made_at,
        made_by=found.made_by,
        rules=found.rules,
    )


def _whose(session: Session, site: str, sku: str) -> tuple[SiteId, UUID | None]:
    """The ids of a site and, if one is named, a SKU."""
    if site not in sites_by_code(session, [site]):
        raise NotFound(f"site {site}")
    if not sku:
        return site_id(site), None
    found = skus_by_code(session, [sku]).get(sku)
    if found is None:
        raise NotFound(f"SKU {sku}")
    return site_id(site), found.id


def _lines(session: Session, table: policy.Table, site: str) -> Sequence[dict[str, Any]]:
    at, _ = _whose(session, site, "")
    return [
        {
            **{name: value for name, value in vars(line).items() if not name.startswith("_")},
            "site": site,
            "sku": sku or "",
        }
        for line, sku in policy.read_all(session, table, at)
    ]
