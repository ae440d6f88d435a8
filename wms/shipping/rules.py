"""Rules: which service takes a parcel, as a table that people read from the top.

    | when                                  | then                     |
    | cool                                  | YAMATO-COOL              |
    | to 北海道, 沖縄県                      | YUPACK                   |
    | value from 30000                      | fastest of YAMATO, SAGAWA |
    | else                                  | cheapest                 |

The first row counts whose conditions hold and whose service takes the parcel: a rule that says
YUPACK for a parcel that is too heavy for it is passed over, and says so. `choose` explains every
row, also those below the one that counted, so that a test box can show what a change would do. A
parcel that no row has a service for gets `otherwise`: it is packed, somebody has to look at it.

Money is minor units, weights grams, sizes millimetres, CO2 grams.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeAlias

from wms.shipping.rates import RateCard, Service, refusal

Objective: TypeAlias = Literal["CHEAPEST", "FASTEST", "GREENEST"]
Outcome: TypeAlias = Literal["CHOSEN", "MATCHES", "NO", "NONE_TAKES"]
FALL_BACK_AFTER_MIN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a parcel when its service is chosen. `level` is what the customer chose."""

    sender: str
    recipient: str
    weight_g: int
    size_mm: int = 0
    value_minor: int = 0
    cod_minor: int = 0
    cool: bool = False
    dangerous: bool = False
    level: str = ""
    slot: str = ""
    leave_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row. What is None or empty is no condition; bounds are inclusive.

    Attributes:
        name: what people call it.
        service: the service it names; or else
        objective: the best of `among` (empty: of all) by that.
        cost_max_minor: passed over if the service costs more.
        co2_max_g: likewise.
    """

    name: str
    service: str = ""
    objective: Objective = "CHEAPEST"
    among: tuple[str, ...] = ()
    value_from_minor: int | None = None
    value_to_minor: int | None = None
    weight_from_g: int | None = None
    weight_to_g: int | None = None
    size_from_mm: int | None = None
    size_to_mm: int | None = None
    recipients: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    cool: bool | None = None
    cod: bool | None = None
    dangerous: bool | None = None
    cost_max_minor: int | None = None
    co2_max_g: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTable:
    """The rules in order, and what takes what no rule has a service for."""

    rules: tuple[Rule, ...]
    otherwise: str
    fall_back_after_min: int = FALL_BACK_AFTER_MIN
    fall_backs: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a rule says of a parcel.

    CHOSEN it is the one; MATCHES it would be, had none above been; NO a condition does not hold
    (`reason` is its name); NONE_TAKES its services do not take the parcel (`refusals`: why each).
    """

    rule: str
    outcome: Outcome
    reason: str = ""
    service: str = ""
    refusals: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A service that takes the parcel, with what it costs."""

    service: str
    cost_minor: int
    lead_days: int
    co2_g: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The service, whether a rule chose it, why, and the other services there were."""

    service: str
    by_rule: bool
    verdicts: tuple[Verdict, ...]
    candidates: tuple[Candidate, ...]
    refusals: Mapping[str, str]


def choose(table: RuleTable, facts: Facts, card: RateCard) -> Choice:
    """Go down the table; the service, and what every rule says."""
    refusals = {
        code: why for code, one in card.all_services.items() if (why := refused(one, facts))
    }
    candidates = {
        each.service: each
        for code in card.all_services
        if code not in refusals
        if (each := _candidate(card, code, facts)) is not None
    }
    refusals |= dict.fromkeys(set(card.all_services) - set(candidates) - set(refusals), "not_there")
    chosen, verdicts = "", []
    for rule in table.rules:
        verdict = _judge(rule, facts, candidates, refusals)
        if verdict.outcome == "MATCHES" and not chosen:
            chosen = verdict.service
            verdict = Verdict(rule=rule.name, outcome="CHOSEN", service=chosen, refusals={})
        verdicts.append(verdict)
    return Choice(
        service=chosen or table.otherwise,
        by_rule=bool(chosen),
        verdicts=tuple(verdicts),
        candidates=tuple(candidates.values()),
        refusals=refusals,
    )


def refused(service: Service, facts: Facts) -> str | None:
    """Why a service does not take this parcel, as a code; None if it does."""
    why = refusal(
        service,
        facts.weight_g,
        cool=facts.cool,
        cod_minor=facts.cod_minor,
        size_mm=facts.size_mm,
        dangerous=facts.dangerous,
    )
    if why is None and service.slot_refused(facts.slot):
        return "slot_unknown"
    if why is None and facts.leave_at and not service.leave_at:
        return "never_left"
    return why


def best(candidates: Sequence[Candidate], objective: Objective) -> Candidate | None:
    """The best by that; of equals the cheaper, then the quicker, then the first by name."""

    def rank(each: Candidate) -> tuple[int, int, int, str]:
        cost, days, co2 = each.cost_minor, each.lead_days, each.co2_g
        if objective == "FASTEST":
            return days, cost, co2, each.service
        if objective == "GREENEST":
            return co2, cost, days, each.service
        return cost, days, co2, each.service

    return min(candidates, key=rank, default=None)


def _candidate(card: RateCard, code: str, facts: Facts) -> Candidate | None:
    cost = card.cost_minor(
        code, facts.sender, facts.recipient, facts.weight_g, size_mm=facts.size_mm
    )
    if cost is None:
        # a site nobody has said the prefecture of still ships; it is priced as next door
        cost = card.cost_minor(code, "東京都", "東京都", facts.weight_g, size_mm=facts.size_mm)
    if cost is None:
        return None
    return Candidate(
        service=code,
        cost_minor=cost + card.all_services[code].cod_fee_minor(facts.cod_minor),
        lead_days=card.lead_days(code, facts.sender, facts.recipient),
        co2_g=card.co2_g(facts.sender, facts.recipient, facts.weight_g),
    )


def _judge(
    rule: Rule, facts: Facts, candidates: Mapping[str, Candidate], refusals: Mapping[str, str]
) -> Verdict:
    if (reason := _fails(rule, facts)) is not None:
        return Verdict(rule=rule.name, outcome="NO", reason=reason, refusals={})
    names = (rule.service,) if rule.service else rule.among or (*candidates, *refusals)
    why = {name: refusals.get(name, "unknown_service") for name in names if name not in candidates}
    taken = []
    for each in (candidates[name] for name in names if name in candidates):
        if rule.cost_max_minor is not None and each.cost_minor > rule.cost_max_minor:
            why[each.service] = "too_expensive"
        elif rule.co2_max_g is not None and each.co2_g > rule.co2_max_g:
            why[each.service] = "too_much_co2"
        else:
            taken.append(each)
    winner = best(taken, rule.objective)
    if winner is None:
        return Verdict(rule=rule.name, outcome="NONE_TAKES", reason="none_takes", refusals=why)
    return Verdict(rule=rule.name, outcome="MATCHES", service=winner.service, refusals=why)


def _fails(rule: Rule, facts: Facts) -> str | None:
    """The first condition that does not hold, by name; None if all do."""
    ranges = (
        ("value", facts.value_minor, rule.value_from_minor, rule.value_to_minor),
        ("weight", facts.weight_g, rule.weight_from_g, rule.weight_to_g),
        ("size", facts.size_mm, rule.size_from_mm, rule.size_to_mm),
    )
    for name, value, low, high in ranges:
        if (low is not None and value < low) or (high is not None and value > high):
            return name
    sets = (
        ("recipient", facts.recipient, rule.recipients),
        ("sender", facts.sender, rule.senders),
        ("level", facts.level, rule.levels),
    )
    for name, one, many in sets:
        if many and one not in many:
            return name
    wishes = (
        ("cool", facts.cool, rule.cool),
        ("cod", facts.cod_minor > 0, rule.cod),
        ("dangerous", facts.dangerous, rule.dangerous),
    )
    return next((name for name, is_, want in wishes if want is not None and is_ != want), None)


def read_rules(body: Mapping[str, Any]) -> RuleTable:
    """A table from what was saved."""
    rules = tuple(_read_rule(row) for row in body["rules"])
    return RuleTable(
        rules=rules,
        otherwise=body["otherwise"],
        fall_back_after_min=body["fall_back_after_min"],
        fall_backs=dict(body["fall_backs"]),
    )


def _read_rule(row: Mapping[str, Any]) -> Rule:
    known = {field.name for field in fields(Rule)} & set(row)
    facts: dict[str, Any] = {}
    for name in known:
        facts[name] = tuple(row[name]) if isinstance(row[name], list) else row[name]
    return Rule(**facts)


DEFAULT = RuleTable(
    rules=(
        Rule(name="Cooled goods", cool=True, service="YAMATO-COOL"),
        Rule(name="Over the sea", recipients=("北海道", "沖縄県"), service="YUPACK"),
        Rule(name="Light", weight_to_g=600, service="YUPACK"),
        Rule(name="Heavy", weight_from_g=8_000, service="SAGAWA"),
        Rule(name="Usual", service="YAMATO"),
        Rule(name="Whoever takes it", objective="CHEAPEST"),
    ),
    otherwise="SAGAWA",
    fall_backs={
        "YAMATO": "SAGAWA",
        "SAGAWA": "YAMATO",
        "YUPACK": "YAMATO",
        "YAMATO-COOL": "SAGAWA-COOL",
        "SAGAWA-COOL": "YAMATO-COOL",
        "YUPACK-COOL": "YAMATO-COOL",
    },
)
