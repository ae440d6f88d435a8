"""For supervisors, on the stage: a decision with its candidates, shipping rules, proposals.

Shapes are the WMS's own; what a rule says of a parcel is said by the real rules and rates.
"""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request

from tests.web.stage_stock import GOODS
from wms.api.decisions import DecisionsOut, ShadowOut, WhatIfOut
from wms.api.replenishment import ProposalOut
from wms.api.shipping_shapes import ChoiceOut, TestIn
from wms.orders.explain import what_if
from wms.shipping import rules
from wms.shipping.rates import default_card

NOW = datetime(2026, 11, 27, 0, 30, tzinfo=UTC)
ORDER = "0198f000-0000-7000-8000-000000000433"
TERMS = {
    "TYO1": {"carrier": 940.0, "weight": 210.0, "packing": 60.0, "cartons": 60.0,
             "handling": 30.0, "time": 20.0, "co2": 8.2},
    "OSA1": {"carrier": 1060.0, "weight": 260.0, "packing": 60.0, "cartons": 60.0,
             "handling": 30.0, "time": 40.0, "co2": 21.0},
    "NGO1": {"carrier": 1000.0, "weight": 240.0, "packing": 80.0, "cartons": 60.0,
             "handling": 42.0, "time": 20.0, "co2": 15.0, "late": 1500.0},
    "S-GINZA": {"carrier": 940.0, "weight": 210.0, "packing": 180.0, "cartons": 60.0,
                "handling": 105.0, "time": 20.0, "co2": 8.0, "balance": 150.0,
                "markdown": -190.0},
}  # fmt: skip


def _candidate(site: str, **more: Any) -> dict[str, Any]:
    terms = TERMS.get(site, {"carrier": 1300.0})
    return {
        "site": site, "feasible": True, "cost": sum(terms.values()), "terms": terms, "why": "",
        "ships_on": "2026-11-27", "arrives_by": (NOW + timedelta(days=1)).isoformat(), **more,
    }  # fmt: skip


CANDIDATES = [
    _candidate("TYO1"),
    _candidate("OSA1"),
    _candidate("NGO1", late_days=1, past_cut_off=True),
    _candidate("S-GINZA"),
    _candidate("S-UENO", feasible=False, why="stock", lacking=[{"line_no": 1, "units": 2}]),
    _candidate("SPK1", feasible=False, why="closed"),
    _candidate("S-UMEDA", feasible=False, why="excluded"),
]
CHOSEN: list[dict[str, Any]] = [
    {"line_no": 1, "sites": {"TYO1": 2}},
    {"line_no": 2, "sites": {"TYO1": 1}},
]
SIDE = {
    "cost_minor": 1_284_300, "weighed": 1_391_000, "parcels": 1_204, "splits": 61,
    "late_lines": 14, "unfilled_lines": 3, "co2_g": 412_000,
}  # fmt: skip

router = APIRouter()
proposals: list[dict[str, Any]] = []


def reset() -> None:
    """As it was."""
    rows = (
        (
            "REPLENISH",
            "SN-WHT-26",
            12,
            "TYO1",
            "S-GINZA",
            {"position": 3, "free": 3, "low": 6, "high": 15},
        ),
        ("REPLENISH", "MUG-350", 24, "TYO1", "S-UENO", {"position": 0, "low": 8, "high": 24}),
        (
            "PICK_FACE",
            "RICE-5KG",
            40,
            "TYO1",
            "TYO1",
            {"here": 8, "low": 10, "high": 48, "reserve": 120},
        ),
        (
            "BALANCE",
            "TEAPOT-01",
            6,
            "OSA1",
            "S-UMEDA",
            {"rate": 0.8, "need": 6, "worth_minor": 2400, "cost_minor": 310},
        ),
    )
    proposals[:] = [
        {
            "id": f"0198f000-0000-7000-8000-0000000060{n:02}", "kind": kind, "state": "OPEN",
            "site": to, "from_site": from_, "sku": sku, "units": units, "facts": facts,
            "from_location": "R-11-2" if kind == "PICK_FACE" else None,
            "to_location": "A-03-1" if kind == "PICK_FACE" else None,
            "made_at": NOW.isoformat(), "decided_at": None, "decided_by": "", "reason": "",
            "name_en": GOODS[sku][0], "name_ja": GOODS[sku][1], "cause_id": None,
        }
        for n, (kind, sku, units, from_, to, facts) in enumerate(rows)
    ]  # fmt: skip


reset()


@router.get("/oms/v1/orders/{order_id}/decisions")
def decisions(order_id: str) -> DecisionsOut:
    """One decision."""
    assert order_id == ORDER
    plan = {"sites": ["OSA1"], "cost_minor": sum(TERMS["OSA1"].values()), "terms": TERMS["OSA1"]}
    told = {
        "id": ORDER, "kind": "SOURCE", "decided_at": NOW, "status": "FEASIBLE",
        "policy": "default", "policy_version": 3, "cost_minor": sum(TERMS["TYO1"].values()),
        "terms": TERMS["TYO1"], "bound": 31_000.0, "gap": 0.0041, "runtime_s": 0.4,
        "inputs_hash": "e3b0", "runner_up": "OSA1", "runner_up_plan": plan,
        "chosen": [
            {"line_no": line["line_no"], "site": site, "units": units}
            for line in CHOSEN for site, units in line["sites"].items()
        ],
        "candidates": [_told(each) for each in CANDIDATES],
        "why": [
            {"code": "cheapest",
             "params": {"than": ["OSA1"], "by": 202.8, "term": "carrier", "saves": 120.0}},
            {"code": "passed_over",
             "params": {"sites": {"SPK1": "closed", "S-UMEDA": "excluded"}}},
        ],
    }  # fmt: skip
    return DecisionsOut.model_validate({"decisions": [told]})


def _told(raw: dict[str, Any]) -> dict[str, Any]:
    reasons = [{"code": raw["why"]}] if raw["why"] not in {"", "stock"} else []
    lacking = [{"code": "stock", "params": each} for each in raw.get("lacking", ())]
    plain = {name: value for name, value in raw.items() if name not in {"cost", "why", "lacking"}}
    return plain | {"cost_minor": raw["cost"], "reasons": reasons + lacking}


@router.get("/oms/v1/orders/{order_id}/decisions/what-if")
def if_what(order_id: str, site: str) -> WhatIfOut:
    """By the real function."""
    assert order_id == ORDER
    answer = what_if(CANDIDATES, CHOSEN, TERMS["TYO1"], site)
    assert answer is not None
    reasons = [
        {"code": each["code"], "params": {k: v for k, v in each.items() if k != "code"}}
        for each in answer["reasons"]
    ]
    return WhatIfOut.model_validate(answer | {"reasons": reasons})


@router.get("/console/v1/orders")
def orders() -> list[dict[str, Any]]:
    """The one."""
    return [{"id": ORDER, "number": "N-10433", "status": "ALLOCATED", "lines": 2}]


@router.get("/console/v1/shadow")
def shadow() -> list[ShadowOut]:
    """A policy that counts CO2 more."""
    other = SIDE | {"cost_minor": 1_301_900, "splits": 44, "late_lines": 14, "co2_g": 351_000}
    told = {"policy": "greener", "version": 2, "orders": 1143, "lines": 2410, "differ": 172}
    return [ShadowOut.model_validate(told | {"since": NOW, "live": SIDE, "shadow": other})]


@router.get("/console/v1/shipping/rules")
def rule_table() -> dict[str, Any]:
    """Those that come with the program, and one more."""
    return asdict(_table()) | {"version": 4, "saved_at": NOW.isoformat(), "saved_by": "demo"}


def _table() -> rules.RuleTable:
    known = rules.DEFAULT
    dear = rules.Rule(
        name="Dear and fast", value_from_minor=30_000, objective="FASTEST",
        among=("YAMATO", "SAGAWA"), cost_max_minor=2_500,
    )  # fmt: skip
    return rules.RuleTable(
        rules=(dear, *known.rules), otherwise=known.otherwise, fall_backs=known.fall_backs
    )


@router.post("/console/v1/shipping/rules:test")
async def try_rules(request: Request) -> ChoiceOut:
    """What every row says."""
    wanted = TestIn.model_validate(await request.json())
    return ChoiceOut.of(rules.choose(_table(), wanted.facts.facts(), default_card()))


@router.get("/console/v1/shipping/services")
def services() -> list[dict[str, Any]]:
    """The rate card's."""
    return [
        {"code": each.code, "name_ja": each.name_ja, "name_en": each.name_en,
         "slots": list(each.slots)}
        for each in default_card().all_services.values()
    ]  # fmt: skip


@router.get("/console/v1/proposals")
def all_proposals(state: str = "OPEN") -> list[ProposalOut]:
    """Those in that state."""
    return [ProposalOut.model_validate(each) for each in proposals if each["state"] == state]


@router.post("/console/v1/proposals/{id_}:{act}")
async def decide(id_: str, act: str, request: Request) -> dict[str, Any]:
    """Yes or no."""
    assert (await request.json())["command_id"]
    (one,) = (each for each in proposals if each["id"] == id_)
    one |= {"state": {"approve": "APPROVED", "reject": "REJECTED"}[act], "decided_by": "demo"}
    return one
