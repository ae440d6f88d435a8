"""Which alarm explains which others: the first cause is shown, what follows from it lies under it.

    edge away ──> everything that machines say, or do not say
    circuit stopped ──> robots, belts, doors and fleets in it
    device down ──> what it speaks for: its robots, its sorter, its gate, its doors
    fleet silent ──> robots silent
    jam of a sorter or belt ──> what stands before it, and lanes that fill
    nothing of that ──> five of a kind within ten seconds: the first explains the others

A cause explains what began after it, or shortly before: messages overtake each other. Causes of
causes are followed to the first. An alarm is never its own cause, and nothing is left out: what is
not explained stands for itself.

Pure. Source: ISA-18.2 / IEC 62682 (suppression by design, first-out, floods).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

BEFORE = timedelta(seconds=5)  # how much earlier than its cause an effect may be told
BURST, BURST_WITHIN = 5, timedelta(seconds=10)
FLOOD, FLOOD_WITHIN = 10, timedelta(minutes=10)  # more than so many new ones are a flood
EDGE = frozenset({"edge", "edge.presence"})
_BY_MACHINES = ("robot.", "device.", "portal.", "fleet.", "sorter.", "mfc.", "command.")
_IN_CIRCUITS = ("robot.", "sorter.", "mfc.", "portal.", "fleet.", "device.fault", "command.")
_BACKED_UP = frozenset({"sorter.lane_full", "mfc.full", "mfc.stopped", "device.fault"})
_JAMS = frozenset({"sorter.jam", "mfc.jam"})
# what may end by itself and leaves something that a person must have looked at
LATCHED = frozenset(
    {"portal.lost", "fleet.contradiction", "mfc.lost", "sorter.lost_track", "robot.quarantined"}
)
Where: TypeAlias = Literal["same", "before", "after", "circuit", "speaks_for", "site"]
OUT = "out_of_service"  # as the `when` of a rule: the whole machine was put out of service


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An alarm as far as it can explain another."""

    id: str
    code: str
    source: str
    at: datetime
    priority: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """By design: while `when` stands, what it hides needs nobody (wms.control.suppress)."""

    when: str
    hides: frozenset[str]
    where: Where = "same"


DESIGN = (  # a stop that people wanted explains what stands still round it
    Suppression(when="mfc.stopped", where="before", hides=_BACKED_UP),
    Suppression(when="mfc.stopped", where="after", hides=frozenset({"sorter.no_read_rate"})),
    Suppression(when=OUT, where="before", hides=_BACKED_UP | _JAMS),
    Suppression(when=OUT, where="after", hides=frozenset({"sorter.no_read_rate"})),
    Suppression(
        when=OUT, where="speaks_for",
        hides=frozenset({"robot.silent", "portal.silent", "portal.fault", "fleet.away"}),
    ),
    Suppression(
        when="robot.manual",
        hides=frozenset({"robot.silent", "robot.deaf", "robot.misplaced", "robot.stuck"}),
    ),
    Suppression(
        when="safety.stopped", where="circuit",
        hides=frozenset({"robot.stuck", "robot.blocked", "portal.occupied"}),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What depends on what, from a site file."""

    speaks_for: Mapping[str, str] = field(default_factory=dict)  # machine -> device
    feeds: Mapping[str, str] = field(default_factory=dict)  # conveyor -> what it leads to
    circuits: Mapping[str, frozenset[str] | None] = field(default_factory=dict)  # None: the site
    leads_to: Mapping[str, frozenset[str]] = field(default_factory=dict)  # belts, one after another
    design: tuple[Suppression, ...] = DESIGN
    operators: int = 1  # who share what comes


def ground_of(plant: Mapping[str, Any]) -> Ground:
    """Read the tables of a site file; what is not there is not known."""
    speaks_for: dict[str, str] = {}
    fleets = [one["name"] for one in plant.get("devices", []) if one.get("driver") == "vda5050"]
    for robot in plant.get("robots", []):
        device = robot.get("device") or (fleets[0] if len(fleets) == 1 else "")
        if device:
            speaks_for[robot["name"]] = device
    for table in ("gates", "portals", "fleets", "circuits"):
        for row in plant.get(table, []):
            if row.get("device"):
                speaks_for[row["name"]] = row["device"]
    circuits = {}
    for row in plant.get("circuits", []):
        whole = not row.get("points") and not row.get("devices")
        circuits[row["name"]] = None if whole else frozenset(row.get("devices", ()))
    feeds = {row["device"]: row["to"] for row in plant.get("conveyors", []) if row.get("to")}
    own = (
        Suppression(when=row["when"], hides=frozenset(row["hides"]), where=row.get("where", "same"))
        for row in plant.get("suppressions", [])
    )
    return Ground(
        speaks_for=speaks_for,
        feeds=feeds,
        circuits=circuits,
        leads_to=_leads_to(feeds, plant.get("belts", [])),
        design=(*DESIGN, *own),
        operators=plant.get("alarms", {}).get("operators", 1),
    )


def _leads_to(
    feeds: Mapping[str, str], belts: Sequence[Mapping[str, Any]]
) -> dict[str, frozenset[str]]:
    leads: dict[str, set[str]] = defaultdict(set)
    for start, end in feeds.items():
        leads[start].add(end)
    for belt in belts:
        leads[belt["name"]] |= {one["name"] for one in belts if one["start"] == belt["end"]}
    return {name: frozenset(ends) for name, ends in leads.items()}


def causes(alarms: Sequence[Seen], ground: Ground) -> dict[str, str]:
    """By the id of an alarm that something explains: the id of its first cause."""
    first: dict[str, str] = {}
    strong = sorted((one for one in alarms if _rank(one) is not None), key=_order)
    for effect in alarms:
        for cause in strong:
            if cause.id != effect.id and _explains(cause, effect, ground):
                first[effect.id] = cause.id
                break
    _bursts([one for one in alarms if one.id not in first], first)
    return {id_: _root(id_, first) for id_ in first}


def is_flood(at: Iterable[datetime], now: datetime) -> bool:
    """Whether more alarms have come lately than somebody can look at."""
    return sum(now - FLOOD_WITHIN < each <= now for each in at) > FLOOD


def _rank(alarm: Seen) -> int | None:
    """How much an alarm can explain, the most first; None: nothing."""
    if alarm.code.startswith("device."):
        return 0 if alarm.source in EDGE else 2
    ranks = {"safety.stopped": 1, "fleet.silent": 3, **dict.fromkeys(_JAMS, 4)}
    return ranks.get(alarm.code)


def _order(alarm: Seen) -> tuple[int, datetime, str]:
    return _rank(alarm) or 0, alarm.at, alarm.id


def _explains(cause: Seen, effect: Seen, ground: Ground) -> bool:
    ranks = _rank(cause), _rank(effect)
    if effect.at < cause.at - BEFORE or (ranks[1] is not None and (ranks[1] <= (ranks[0] or 0))):
        return False  # of two that explain alike neither is the other's cause
    if cause.code.startswith("device."):
        if cause.source in EDGE:
            return effect.code.startswith(_BY_MACHINES)
        return cause.source in (effect.source, ground.speaks_for.get(effect.source))
    if cause.code == "safety.stopped":
        return stands_in(cause.source, effect, ground)
    if cause.code == "fleet.silent":
        return effect.code == "robot.silent"
    before = effect.source == cause.source or ground.feeds.get(effect.source) == cause.source
    return before and effect.code in _BACKED_UP


def stands_in(circuit: str, effect: Seen, ground: Ground) -> bool:
    """Whether what the alarm is about lies in that circuit, as far as the site file says."""
    devices = ground.circuits.get(circuit)
    if not effect.code.startswith(_IN_CIRCUITS):
        return False
    if devices is None or effect.code.startswith("robot."):
        return True  # it stops the whole site, or is not known; robots go through all of it
    return effect.source in devices or ground.speaks_for.get(effect.source) in devices


def _bursts(alarms: Sequence[Seen], first: dict[str, str]) -> None:
    kinds: dict[str, list[Seen]] = defaultdict(list)
    for alarm in sorted(alarms, key=lambda one: (one.at, one.id)):
        kinds[alarm.code].append(alarm)
    for kind in kinds.values():
        start = 0
        while start < len(kind):
            head = kind[start]
            end = start
            while end < len(kind) and kind[end].at - head.at <= BURST_WITHIN:
                end += 1
            if end - start >= BURST:
                first.update({one.id: head.id for one in kind[start + 1 : end]})
            start = end


def _root(id_: str, first: Mapping[str, str]) -> str:
    seen = {id_}
    while (cause := first.get(id_)) is not None and cause not in seen:
        seen.add(cause)
        id_ = cause
    return id_
