"""Rules of putaway: which place goods go to, the second choice, and why not the others.

    a site's table, from the first line on, until a line finds a place:

    line  when                         to                         prefer
    1     temperature FROZEN           zone COLD                  same lot, same SKU, empty
    2     unit TOTE                    zone ROBOT                 empty, near demand
    3     -                            storage type SHELF, ''     pick face, same lot, same SKU, ...

`choose` is pure: goods, places as they are now (what others have been promised counts as there),
the table; the answer says of each place that was looked at why it was taken or not. What limits a
place (height, weight, units, mix, temperature, dangerous goods, blocked) holds in every line.

Laws:
    never over     units at a place, with those on their way to it, stay within its limits
    whole units    a handling unit goes whole; loose goods may be parted, the rest goes elsewhere
    two choices    the second is another place than the first, of the same line or a later one

Units are base units, weights grams, lengths millimetres.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias
from uuid import UUID

Prefer: TypeAlias = Literal[
    "PICK_FACE", "SAME_LOT", "SAME_SKU", "EMPTY", "NEAR_DOOR", "NEAR_DEMAND", "LOW"
]
MANY = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Goods:
    """What is to be put away. `unit` is the kind of its handling unit, '' for loose goods."""

    sku_id: UUID | None
    sku: str
    units: int
    lots: frozenset[str] = frozenset({""})
    skus: frozenset[UUID] = frozenset()
    unit: str = ""
    height_mm: int = 0
    weight_g: int = 0
    temperature: str = "AMBIENT"
    dangerous_goods: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place, what lies there and what is on its way to it (`units`, `weight_g`, skus, lots)."""

    id: UUID
    code: str
    zone: str = ""
    storage_type: str = ""
    temperature: str = ""
    dangerous_goods: frozenset[str] = frozenset()
    mix: str = "ANY"
    max_units: int | None = None
    max_weight_g: int | None = None
    max_height_mm: int | None = None
    blocked: str = ""
    height_z_mm: int = 0
    units: int = 0
    weight_g: int = 0
    skus: frozenset[UUID] = frozenset()
    lots: frozenset[tuple[UUID, str]] = frozenset()
    face_room: int | None = None
    is_face_of_other: bool = False
    to_door_mm: int = 0
    to_demand_mm: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A line of the table. What is empty asks for nothing."""

    name: str
    temperatures: tuple[str, ...] = ()
    dangerous_goods: tuple[str, ...] = ()
    units: tuple[str, ...] = ()  # kinds of handling units; LOOSE for none
    skus: tuple[str, ...] = ()
    weight_from_g: int = 0
    zones: tuple[str, ...] = ()
    storage_types: tuple[str, ...] = ()
    prefer: tuple[Prefer, ...] = ("PICK_FACE", "SAME_LOT", "SAME_SKU", "EMPTY", "NEAR_DEMAND")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was thought of a place: taken for `because`, or not, for `against`."""

    place: str
    rule: str
    room: int
    because: tuple[str, ...] = ()
    against: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A place, and how many of the units go there."""

    place: Place
    units: int
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The best place and the second, if there are any, and all that was looked at."""

    first: Option | None
    second: Option | None
    verdicts: tuple[Verdict, ...] = field(default=())


DEFAULT = (
    Rule(name="cold", temperatures=("FROZEN", "COOL"), prefer=("SAME_LOT", "SAME_SKU", "EMPTY")),
    Rule(name="usual"),
)


def choose(
    goods: Goods,
    places: Sequence[Place],
    rules: Sequence[Rule] = DEFAULT,
    *,
    refused: frozenset[str] = frozenset(),
) -> Choice:
    """Where goods go.

    Args:
        goods: what is to be put away.
        places: those that may come into question, as they are now.
        rules: the table; the first line that fits the goods and has a place decides.
        refused: places that somebody found full, blocked or mixed.
    """
    found: list[Option] = []
    verdicts: list[Verdict] = []
    for rule in rules:
        if not fits(rule, goods):
            continue
        here = [_judge(goods, place, rule, refused) for place in places]
        verdicts += [verdict for _, verdict in here]
        taken = {option.place.code for option in found}
        good = [option for option, _ in here if option and option.place.code not in taken]
        found += sorted(good, key=lambda option: _rank(goods, option, rule))
        if len(found) > 1:
            break
    first = found[0] if found else None
    second = found[1] if len(found) > 1 else None
    return Choice(first=first, second=second, verdicts=tuple(verdicts))


def fits(rule: Rule, goods: Goods) -> bool:
    """Whether a line is about such goods."""
    return (
        (not rule.temperatures or goods.temperature in rule.temperatures)
        and (not rule.dangerous_goods or bool(goods.dangerous_goods & set(rule.dangerous_goods)))
        and (not rule.units or (goods.unit or "LOOSE") in rule.units)
        and (not rule.skus or goods.sku in rule.skus)
        and goods.weight_g >= rule.weight_from_g
    )


def room_for(goods: Goods, place: Place) -> int:
    """How many of the units the place can take, by units and by weight."""
    room = MANY if place.max_units is None else place.max_units - place.units
    if place.face_room is not None and not goods.unit:
        room = min(room, place.face_room)
    if place.max_weight_g is not None and goods.weight_g:
        left = (place.max_weight_g - place.weight_g) * goods.units // goods.weight_g
        room = min(room, left)
    return max(0, min(room, goods.units))


def against(goods: Goods, place: Place) -> tuple[str, ...]:
    """What speaks against a place, whatever the table says."""
    others = place.skus - goods.skus
    lots = {lot for sku, lot in place.lots if sku in goods.skus} - goods.lots
    needs = room_for(goods, place)
    checks = (
        ("blocked", bool(place.blocked)),
        ("temperature", place.temperature not in {"", goods.temperature}),
        ("dangerous_goods", not goods.dangerous_goods <= place.dangerous_goods),
        ("too_high", place.max_height_mm is not None and goods.height_mm > place.max_height_mm),
        ("other_sku", place.mix != "ANY" and (bool(others) or len(goods.skus) > 1)),
        ("other_lot", place.mix == "ONE_LOT" and (bool(lots) or len(goods.lots) > 1)),
        ("other_face", place.is_face_of_other),
        ("full", needs == 0 or (bool(goods.unit) and needs < goods.units)),
    )
    return tuple(code for code, is_so in checks if is_so)


def _judge(
    goods: Goods, place: Place, rule: Rule, refused: frozenset[str]
) -> tuple[Option | None, Verdict]:
    why = list(against(goods, place))
    if rule.zones and place.zone not in rule.zones:
        why.append("other_zone")
    if rule.storage_types and place.storage_type not in rule.storage_types:
        why.append("other_storage_type")
    if not rule.zones and place.zone == "ROBOT":
        why.append("robots_only")
    if place.code in refused:
        why.append("refused")
    room = room_for(goods, place)
    if why:
        return None, Verdict(place=place.code, rule=rule.name, room=room, against=tuple(why))
    because = tuple(each for each in rule.prefer if _speaks_for(goods, place, each))
    verdict = Verdict(place=place.code, rule=rule.name, room=room, because=because)
    return Option(place=place, units=room, verdict=verdict), verdict


def _speaks_for(goods: Goods, place: Place, prefer: Prefer) -> bool:
    match prefer:
        case "PICK_FACE":
            return place.face_room is not None
        case "SAME_LOT":
            return any((sku, lot) in place.lots for sku in goods.skus for lot in goods.lots)
        case "SAME_SKU":
            return bool(place.skus & goods.skus)
        case "EMPTY":
            return place.units == 0
        case _:
            return False


def _rank(goods: Goods, option: Option, rule: Rule) -> tuple[object, ...]:
    """Smaller is better: what the line prefers, in its order; whole before part; then the code."""
    place = option.place
    parts: list[int] = []
    is_face = place.face_room is not None and "PICK_FACE" in rule.prefer
    parts.append(0 if option.units == goods.units or is_face else 1)
    distances = {"NEAR_DOOR": place.to_door_mm, "NEAR_DEMAND": place.to_demand_mm}
    for prefer in rule.prefer:
        if prefer in distances:
            parts.append(distances[prefer])
        elif prefer == "LOW":
            parts.append(place.height_z_mm)
        else:
            parts.append(0 if _speaks_for(goods, place, prefer) else 1)
    return (*parts, -option.units, place.code)
