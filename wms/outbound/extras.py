"""Extras: what rules add to a parcel beside its goods: のし, gift wrap, cards, flyers (同梱).

    wanted(rules, facts, first=True) -> the extras of a parcel, in the order of their rules

A rule is a line that a person can read: what it adds, and of which orders. Empty means any. Of
NOSHI and of WRAP a parcel gets one, by the first rule that fits; of CARD and FLYER all that fit.
A rule with `gifts` answers a wish on an order's line: the wish "のし: 御祝" is for gift "のし", and
what stands behind the colon is written on it.

PURE. Dates are those of the site; money in minor units.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["NOSHI", "WRAP", "CARD", "FLYER"]
KINDS: tuple[Kind, ...] = ("NOSHI", "WRAP", "CARD", "FLYER")
ONE_OF = frozenset({"NOSHI", "WRAP"})  # a parcel has one of these


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """Which orders a rule is for; dates include both ends."""

    owners: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    fulfilments: tuple[str, ...] = ()
    skus: tuple[str, ...] = ()
    gifts: tuple[str, ...] = ()
    worth_min_minor: int = 0
    from_on: date | None = None
    until_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule and what it adds: its name and text as the packer reads them, and a picture of it.

    `scan`: the code on the thing, which is scanned to prove that it is the right one. `each`: in
    every parcel, or in the ORDER's first.
    """

    code: str
    kind: Kind
    name: str
    text: str = ""
    picture: str = ""
    scan: str = ""
    each: Literal["PARCEL", "ORDER"] = "ORDER"
    when: When = field(default_factory=When)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What rules may ask of a parcel and of its order."""

    on: date
    owners: frozenset[str]
    channel: str
    fulfilment: str
    skus: frozenset[str]
    gifts: tuple[str, ...]
    worth_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra:
    """What is added by a rule; `wish` is what a customer wants to have written on it."""

    rule: Rule
    wish: str = ""


def wanted(rules: Iterable[Rule], facts: Facts, *, first: bool) -> tuple[Extra, ...]:
    """The extras of a parcel; `first`: it is the first of its order."""
    found: list[Extra] = []
    for rule in rules:
        if rule.each == "ORDER" and not first:
            continue
        if rule.kind in ONE_OF and any(each.rule.kind == rule.kind for each in found):
            continue
        if fits(rule.when, facts):
            wish = next((w for w in facts.gifts if gift_of(w) in rule.when.gifts), "")
            found.append(Extra(rule=rule, wish=wish.partition(":")[2].strip()))
    return tuple(found)


def fits(when: When, facts: Facts) -> bool:
    """Whether a rule is for such an order, on such a day."""
    asked: Sequence[tuple[tuple[str, ...], Iterable[str]]] = (
        (when.owners, facts.owners),
        (when.channels, (facts.channel,)),
        (when.fulfilments, (facts.fulfilment,)),
        (when.skus, facts.skus),
        (when.gifts, [gift_of(wish) for wish in facts.gifts]),
    )
    return (
        all(not names or not set(names).isdisjoint(there) for names, there in asked)
        and facts.worth_minor >= when.worth_min_minor
        and (when.from_on is None or facts.on >= when.from_on)
        and (when.until_on is None or facts.on <= when.until_on)
    )


def gift_of(wish: str) -> str:
    """What is wished for, without what shall stand on it."""
    return wish.partition(":")[0].strip()


def answered(extras: Iterable[Extra], wishes: Iterable[str]) -> set[str]:
    """Those of the wishes that a rule has an answer to."""
    gifts = {gift for each in extras for gift in each.rule.when.gifts}
    return {wish for wish in wishes if gift_of(wish) in gifts}
