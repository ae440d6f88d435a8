"""What becomes of what comes back, and what goes back for it: pure rules over plain data.

A disposition rule is a line that a person can read: of whose goods, which, in what condition, why
they came back and where, and then what happens to them. The first rule that fits decides.

    RESTOCK      onto a shelf here, sold as new            OUTLET    here, as second choice (B)
    TO_DC        by the next van to a warehouse            REFURBISH to be put in order
    QUARANTINE   a person decides                          SCRAP     thrown away

Refunds are the price paid, unit by unit, less a deduction by grade where one is agreed (none is by
default). Services (postage) go back as the policy says. Amounts are minor units.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Grade: TypeAlias = Literal["A", "B", "C", "D"]
Disposition: TypeAlias = Literal["RESTOCK", "TO_DC", "OUTLET", "REFURBISH", "QUARANTINE", "SCRAP"]
Reason: TypeAlias = Literal[
    "CHANGED_MIND", "SIZE", "NOT_AS_DESCRIBED", "DEFECTIVE", "DAMAGED", "WRONG_ITEM", "LATE",
    "REFUSED", "UNDELIVERABLE", "OTHER",
]  # fmt: skip
Services: TypeAlias = Literal["NEVER", "OUR_FAULT", "WHOLE_ORDER"]

GRADES: tuple[Grade, ...] = ("A", "B", "C", "D")
OUR_FAULT: frozenset[str] = frozenset({
    "NOT_AS_DESCRIBED", "DEFECTIVE", "DAMAGED", "WRONG_ITEM", "LATE", "UNDELIVERABLE",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a rule may ask of goods that came back."""

    owner: str
    sku: str
    grade: str
    reason: str = "OTHER"
    site_kind: str = "DC"
    cool: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DispositionRule:
    """One line of the table; what is empty fits anything. `skus`: codes that begin so."""

    name: str
    disposition: Disposition
    owner: str = ""
    skus: str = ""
    grades: tuple[Grade, ...] = ()
    reasons: tuple[Reason, ...] = ()
    site_kinds: tuple[str, ...] = ()
    cool: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a rule answered: it fits, or the first thing that does not."""

    rule: str
    fits: bool
    why_not: str = ""


# What follows when a table has no rule that fits: nothing is sold of which nobody said so.
UNSAID: Disposition = "QUARANTINE"
DEFAULT_RULES: tuple[DispositionRule, ...] = (
    DispositionRule(name="cold-chain-broken", disposition="SCRAP", cool=True),
    DispositionRule(name="as-new", disposition="RESTOCK", grades=("A",)),
    DispositionRule(name="second-choice", disposition="OUTLET", grades=("B",)),
    DispositionRule(name="damaged", disposition="QUARANTINE", grades=("C",)),
    DispositionRule(name="worthless", disposition="SCRAP", grades=("D",)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a shop promises of returns.

    window_days     from the delivery, for asking
    arrive_days     from the asking, for the goods to come
    services        when postage and the like go back
    deductions      percent of the price by grade; none by default
    exchange_...    replacements that leave before the goods are back: how much they may be worth
                    together, how many there may be, and after how many days somebody looks
    """

    window_days: int = 30
    arrive_days: int = 30
    services: Services = "OUR_FAULT"
    deductions: Mapping[str, int] = field(default_factory=dict)
    exchange_limit_minor: int = 100_000
    exchange_open_max: int = 3
    exchange_days: int = 14
    dispositions: tuple[DispositionRule, ...] = DEFAULT_RULES


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """Units of an order line that came back, and what one had cost."""

    line_no: int
    units: int
    price_minor: int
    grade: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """What goes back for a return: by line, and for services."""

    lines: Mapping[int, int]
    services_minor: int

    @property
    def minor(self) -> int:
        """All of it."""
        return sum(self.lines.values()) + self.services_minor


def dispose(rules: Sequence[DispositionRule], facts: Facts) -> tuple[Disposition, list[Verdict]]:
    """What becomes of these goods, and how each rule that was asked answered."""
    verdicts = []
    for rule in rules:
        why_not = _misfit(rule, facts)
        verdicts.append(Verdict(rule=rule.name, fits=not why_not, why_not=why_not))
        if not why_not:
            return rule.disposition, verdicts
    return UNSAID, verdicts


def _misfit(rule: DispositionRule, facts: Facts) -> str:
    """The first thing that does not fit; empty if all does."""
    asked: tuple[tuple[str, bool], ...] = (
        ("owner", rule.owner in {"", facts.owner}),
        ("sku", facts.sku.startswith(rule.skus)),
        ("grade", not rule.grades or facts.grade in rule.grades),
        ("reason", not rule.reasons or facts.reason in rule.reasons),
        ("site_kind", not rule.site_kinds or facts.site_kind in rule.site_kinds),
        ("cool", rule.cool in {None, facts.cool}),
    )
    return next((name for name, fits in asked if not fits), "")


def owed(came: Sequence[Came], *, services_minor: int, all_back: bool, policy: Policy) -> Owed:
    """What goes back for what came: `services_minor` is what the order's services cost in all.

    `all_back`: with these no unit of the order is left with the customer.
    """
    lines: dict[int, int] = {}
    for each in came:
        whole = max(0, each.units * each.price_minor)
        percent = min(100, max(0, policy.deductions.get(each.grade, 0)))
        lines[each.line_no] = lines.get(each.line_no, 0) + whole - whole * percent // 100
    ours = bool(came) and all(each.reason in OUR_FAULT for each in came if each.units)
    due = policy.services == "WHOLE_ORDER" or (policy.services == "OUR_FAULT" and ours)
    services = services_minor if due and all_back and any(each.units for each in came) else 0
    return Owed(lines=lines, services_minor=services)
