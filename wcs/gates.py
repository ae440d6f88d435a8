"""Tags at the gates of a site -> passages with a direction.

    TagSeen, TagGone ──> sightings by gate, tag, antenna ──due──> judged (wcs.passage) ──> passage
                              the same tag at the next door ─┘  └─ what is expected here

A reader hears through the wall: a tag that is carried through one door is read at the next one as
well. It passed where it was strongest.

Laws:
    one door      a tag that two doors saw at the same time passed at one of them: the one where
                  it was stronger by `rival_db`, else the only one where it is expected, else
                  nobody knows, and the passage is AMBIGUOUS
    alone         each tag is judged by its own reads. Tags that pass together are told together,
                  but company is no evidence
    once          sightings are used for one passage and then gone; what trickles in afterwards
                  from the zone where the tag went, or at the door next to it, is the tail of
                  that passage. A tag that one zone sees again and again is asked about once
    bounded       of each tag `sightings_max` sightings are kept, the strongest

A tag seen in one zone only waits `patience_s` for the other zone before it is ambiguous: an edge
that stumbled may hand the second half in late.

`GateState` is plain data, part of the engine's state and journal. Pure.

The reads' own times decide what happened; `now` only decides how long to wait.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from edge.gs1 import Epc, decode_epc
from edge.messages import DeviceStatus, EyeChanged, TagGone, TagSeen
from wcs.eyes import Dark, crossings, see
from wcs.messages import GatePassage, PassageExpected
from wcs.passage import RULES, Direction, GateRules, Sighting, Verdict, judge, zones_of

__all__ = ["RULES", "Announced", "GateRules", "GateState"]


@dataclass(slots=True, kw_only=True)
class TagAtGate:
    """One tag: the antennas that see it now, and the sightings that are over."""

    changed_at: datetime
    seen_by: list[int] = field(default_factory=list)
    sightings: list[Sighting] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Passed:
    """A tag that has just been told, and where it went; or that passed at the next door."""

    direction: Direction
    told_at: datetime
    zone: str = ""  # the only one that saw it, when it was ambiguous
    elsewhere: bool = False


@dataclass(slots=True, kw_only=True)
class GateState:
    """A gate of the site file, and the tags at it."""

    gate: str
    device: str
    inside: tuple[int, ...]
    outside: tuple[int, ...]
    tags: dict[str, TagAtGate] = field(default_factory=dict)  # by EPC
    passed: dict[str, Passed] = field(default_factory=dict)
    eyes: tuple[int, ...] = ()  # photo-eyes, inside and outside, as inputs of the reader
    darks: list[Dark] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Announced:
    """What should go through gates: lists by id, and by GS1 key the list that names it."""

    lists: dict[str, PassageExpected] = field(default_factory=dict)
    of: dict[str, str] = field(default_factory=dict)

    def at(self, gate: str, epc_hex: str) -> Direction | None:
        """Where a tag should go at this gate, if anybody said so."""
        epc = decode_epc(epc_hex)
        said = self.lists.get(self.of.get(epc.key, "")) if isinstance(epc, Epc) else None
        return said.direction if said is not None and said.gate in ("", gate) else None


NOTHING = Announced()


def expect(expected: Announced, message: PassageExpected) -> None:
    """Replace a list; one without codes is taken back."""
    _take_back(expected, message.id)
    if message.codes:
        expected.lists[message.id] = message
        expected.of |= dict.fromkeys(message.codes, message.id)


def forget_expected(expected: Announced, now: datetime) -> None:
    """Let go of lists whose time is over."""
    for over in [id_ for id_, said in expected.lists.items() if said.expires_at <= now]:
        _take_back(expected, over)


def _take_back(expected: Announced, id_: str) -> None:
    before = expected.lists.pop(id_, None)
    for code in before.codes if before is not None else ():
        if expected.of.get(code) == id_:
            del expected.of[code]


# -------------------------------------------------------------------------------------- hearing
def on_tag(
    state: GateState,
    event: TagSeen | TagGone | EyeChanged | DeviceStatus,
    now: datetime,
    rules: GateRules = RULES,
) -> None:
    """Take in what the reader of this gate says. Events of other devices are ignored.

    A reader that comes or goes says so, and then which tags it still sees: whatever we thought
    that it sees is no longer so, and the ends of those sightings may never be told.
    """
    if event.device != state.device:
        return
    if isinstance(event, DeviceStatus):
        for tag in state.tags.values():
            tag.seen_by = []
        state.darks = []  # what changed meanwhile nobody knows
    elif isinstance(event, EyeChanged):
        if event.eye in state.eyes:
            see(state.darks, inside=event.eye == state.eyes[0], dark=event.dark, at=event.at)
    elif event.antenna in state.inside + state.outside:
        tag = state.tags.setdefault(event.epc_hex, TagAtGate(changed_at=now))
        tag.changed_at = now
        if isinstance(event, TagGone):
            _add_sighting(tag, event, rules)
        elif event.antenna not in tag.seen_by:
            tag.seen_by.append(event.antenna)


def _add_sighting(tag: TagAtGate, event: TagGone, rules: GateRules) -> None:
    if event.antenna in tag.seen_by:
        tag.seen_by.remove(event.antenna)
    last_at = max((sighting.last_at for sighting in tag.sightings), default=event.first_seen_at)
    if (event.first_seen_at - last_at).total_seconds() > rules.patience_s:
        tag.sightings = []  # it comes a second time; the first was never finished
    told = event.strongest_reads > 0
    whole_s = (event.last_seen_at - event.first_seen_at).total_seconds()
    sighting = Sighting(
        antenna=event.antenna,
        first_at=event.first_seen_at,
        last_at=event.last_seen_at,
        strongest_at=event.strongest_at,
        strong_reads=event.strongest_reads if told else event.reads,
        spread_s=event.strongest_spread_s if told else whole_s / 2,
        reads=event.reads,
        peak_dbm=event.peak_rssi_dbm,
    )
    tag.sightings.append(sighting)
    if len(tag.sightings) > rules.sightings_max:
        weakest = min(range(len(tag.sightings) - 1), key=lambda n: tag.sightings[n].peak_dbm)
        del tag.sightings[weakest]


# -------------------------------------------------------------------------------------- telling
def due(
    state: GateState,
    now: datetime,
    rules: GateRules = RULES,
    *,
    others: Sequence[GateState] = (),
    expected: Announced = NOTHING,
) -> list[GatePassage]:
    """The passages of a gate that are over by now; their tags are forgotten.

    Args:
        state: the gate.
        now: how long it is since they were seen.
        rules: when the evidence is good enough.
        others: the other gates of the site, which may have seen the same tags.
        expected: what should go through.
    """
    _forget(state, now, rules)
    verdicts = []
    for epc_hex in _ready(state, now, rules):
        if any(_still_sees(other, epc_hex, now, state, rules) for other in others):
            continue
        verdict = _told(state, epc_hex, others, expected, now, rules)
        if verdict is not None:
            verdicts.append(verdict)
    return [_passage(state.gate, group, now) for group in _groups(verdicts, rules)]


def all_due(gates: Iterable[GateState], expected: Announced, now: datetime) -> list[GatePassage]:
    """The passages of all gates of a site that are over by now."""
    doors = tuple(gates)
    forget_expected(expected, now)
    return [
        passage
        for door in doors
        for passage in due(
            door, now, others=[other for other in doors if other is not door], expected=expected
        )
    ]


def next_due(state: GateState, rules: GateRules = RULES) -> datetime | None:
    """When `due` may have something to say at the earliest, or None."""
    times = [
        tag.changed_at + timedelta(seconds=_wait_s(state, tag, rules))
        for tag in state.tags.values()
        if tag.sightings
    ]
    return min(times, default=None)


def _told(
    state: GateState,
    epc_hex: str,
    others: Sequence[GateState],
    expected: Announced,
    now: datetime,
    rules: GateRules,
) -> Verdict | None:
    """Judge a tag, and be done with it."""
    tag = state.tags[epc_hex]
    way = expected.at(state.gate, epc_hex)
    zones = zones_of(tag.sightings, state.inside, state.outside, rules)
    crossed = [*crossings(state.darks, pair_s=rules.eyes_pair_s)]
    verdict = judge(epc_hex, tag.sightings, zones, way, rules, crossed)
    only = "" if all(zones) else "inside" if zones[0] is not None else "outside"
    _clear(state, epc_hex)
    if verdict is not None:
        verdict = _one_door(state, verdict, others, expected, rules)
    if verdict is None:
        return None
    if _is_tail(state.passed.get(epc_hex), only, verdict, rules):
        state.passed[epc_hex].told_at = now
        return None
    state.passed[epc_hex] = Passed(direction=verdict.direction, told_at=now, zone=only)
    return verdict


def _one_door(
    state: GateState,
    verdict: Verdict,
    others: Sequence[GateState],
    expected: Announced,
    rules: GateRules,
) -> Verdict | None:
    """The verdict, if the tag passed here and not at another door."""
    for other in others:
        peak_dbm = _peak_dbm(other, verdict, rules)
        if peak_dbm < rules.stray_dbm:
            continue
        ahead_db = verdict.peak_dbm - peak_dbm
        here = expected.at(state.gate, verdict.epc_hex) is not None
        there = expected.at(other.gate, verdict.epc_hex) is not None
        if abs(ahead_db) < rules.rival_db and here != there:
            ahead_db = rules.rival_db if here else -rules.rival_db
        if ahead_db <= -rules.rival_db:
            _passed_elsewhere(state, verdict)
            return None
        _passed_elsewhere(other, verdict)
        if ahead_db < rules.rival_db:
            return replace(verdict, direction="AMBIGUOUS", reason="two_doors", neighbour=other.gate)
    return verdict


def _peak_dbm(other: GateState, verdict: Verdict, rules: GateRules) -> float:
    """How strong the other door saw the tag at that time."""
    tag = other.tags.get(verdict.epc_hex)
    apart = timedelta(seconds=rules.rival_s)
    return max(
        (
            sighting.peak_dbm
            for sighting in (tag.sightings if tag is not None else ())
            if sighting.first_at - apart <= verdict.crossed_at <= sighting.last_at + apart
        ),
        default=-math.inf,
    )


def _passed_elsewhere(state: GateState, verdict: Verdict) -> None:
    """What this door saw of that passage is void, now and when more of it trickles in."""
    _clear(state, verdict.epc_hex)
    state.passed[verdict.epc_hex] = Passed(
        direction=verdict.direction, told_at=verdict.ended_at, elsewhere=True
    )


def _clear(state: GateState, epc_hex: str) -> None:
    """Be done with what was seen of a tag; if it is still there, keep watching."""
    tag = state.tags.get(epc_hex)
    if tag is not None:
        tag.sightings = []
        if not tag.seen_by:
            del state.tags[epc_hex]


def _still_sees(
    other: GateState, epc_hex: str, now: datetime, state: GateState, rules: GateRules
) -> bool:
    """Whether another door is just seeing the tag: its half of the evidence is yet to come."""
    tag = other.tags.get(epc_hex)
    waited_s = (now - state.tags[epc_hex].changed_at).total_seconds()
    return tag is not None and bool(tag.seen_by) and waited_s < rules.rival_s


def _is_tail(passed: Passed | None, only: str, verdict: Verdict, rules: GateRules) -> bool:
    """Whether this is but the end of a passage that has been told, or asked about before."""
    if passed is not None and passed.elsewhere:
        late_s = (verdict.started_at - passed.told_at).total_seconds()
        return late_s < rules.rival_s
    if passed is None or verdict.direction != "AMBIGUOUS":
        return False
    if passed.direction == "AMBIGUOUS":
        return bool(only) and passed.zone == only
    return only == ("outside" if passed.direction == "OUT" else "inside")


def _wait_s(state: GateState, tag: TagAtGate, rules: GateRules) -> float:
    if tag.seen_by:
        return rules.forget_s
    seen = {sighting.antenna for sighting in tag.sightings}
    both = not seen.isdisjoint(state.inside) and not seen.isdisjoint(state.outside)
    return rules.settle_s if both else rules.patience_s


def _ready(state: GateState, now: datetime, rules: GateRules) -> list[str]:
    """The tags to be judged now. They wait a little for others that are just passing."""
    quiet_s = {
        epc_hex: (now - tag.changed_at).total_seconds()
        for epc_hex, tag in state.tags.items()
        if tag.sightings
    }
    passing = any(quiet < rules.settle_s for quiet in quiet_s.values())
    more_s = rules.company_s if passing else 0.0
    return [
        epc_hex
        for epc_hex, quiet in quiet_s.items()
        if quiet >= _wait_s(state, state.tags[epc_hex], rules) + more_s
    ]


def _forget(state: GateState, now: datetime, rules: GateRules) -> None:
    """Let go of passages that are long over, and of tags whose end nobody told."""
    long_ago = now - timedelta(seconds=rules.forget_s)
    state.darks = [dark for dark in state.darks if dark.since > long_ago]
    for epc_hex in [epc for epc, passed in state.passed.items() if passed.told_at < long_ago]:
        del state.passed[epc_hex]
    for epc_hex in [
        epc for epc, tag in state.tags.items() if not tag.sightings and tag.changed_at < long_ago
    ]:
        del state.tags[epc_hex]


def _groups(verdicts: list[Verdict], rules: GateRules) -> list[list[Verdict]]:
    """Verdicts of one direction whose crossings follow each other closely, in order of time."""
    groups: list[list[Verdict]] = []
    open_group: dict[Direction, list[Verdict]] = {}
    for verdict in sorted(verdicts, key=lambda v: (v.crossed_at, v.epc_hex)):
        group = open_group.get(verdict.direction)
        together = timedelta(seconds=rules.together_s)
        if group is None or verdict.crossed_at - group[-1].crossed_at > together:
            group = open_group[verdict.direction] = []
            groups.append(group)
        group.append(verdict)
    return groups


def _passage(gate: str, group: list[Verdict], now: datetime) -> GatePassage:
    return GatePassage(
        at=now,
        gate=gate,
        direction=group[0].direction,
        confidence=min(verdict.confidence for verdict in group),
        epcs_hex=tuple(sorted(verdict.epc_hex for verdict in group)),
        reads=sum(verdict.reads for verdict in group),
        started_at=min(verdict.started_at for verdict in group),
        ended_at=max(verdict.ended_at for verdict in group),
        reads_inside=sum(verdict.reads_inside for verdict in group),
        reads_outside=sum(verdict.reads_outside for verdict in group),
        peak_dbm=max(verdict.peak_dbm for verdict in group),
        expected=sum(verdict.expected for verdict in group),
        reasons=tuple(sorted({verdict.reason for verdict in group} - {""})),
        neighbour=next((verdict.neighbour for verdict in group if verdict.neighbour), ""),
    )
