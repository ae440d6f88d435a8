"""Tags at a gate -> passages with a direction.

A gate has antennas that look inside and antennas that look outside. A tag that goes out is
nearest to the inside ones first:

    inside    ....xxXXXxx.........        direction = order of the moments when the tag was
    outside   .........xxXXXxx....        nearest to each zone, never the order of first reads:
                  t_in   t_out            a reflection may be the very first read of all

The evidence of a zone is the sightings at its antennas, those within `near_db` of the strongest
one: `t` is the mean time of their n strongest reads, which spread around it by s seconds. How sure
we are is then plain statistics:

    confidence = normal_cdf(|t_out - t_in| / (s sqrt(1/n_in + 1/n_out)))        s: the wider one

Laws:
    both zones    a direction needs at least `reads_min` reads in each zone, moments that are
                  `apart_spreads` spreads apart, and `confidence_min`; otherwise it is AMBIGUOUS,
                  which is a question for a person and never a movement
    alone         each tag is judged by its own reads. Tags that pass together are told together,
                  but company is no evidence
    once          sightings are used for one passage and then gone; what trickles in afterwards
                  from the zone where the tag went is the tail of that passage
    strays        a zone that never saw the tag stronger than `stray_dbm` did not see it pass; a
                  tag that neither zone saw is not at the gate at all, and nothing is told

A tag seen in one zone only waits `patience_s` for the other zone before it is ambiguous: an edge
that stumbled may hand the second half in late.

`GateState` is plain data, part of the engine's state and journal. Pure.

The reads' own times decide what happened; `now` only decides how long to wait.

Source: the order of trust among portal signals follows common RFID portal practice (zones by
centroid before first read); thresholds are ours.
"""

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from edge.messages import DeviceStatus, TagGone, TagSeen
from wcs.messages import GatePassage

Direction: TypeAlias = Literal["IN", "OUT", "AMBIGUOUS"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRules:
    """When the evidence is good enough. Times are virtual seconds, strengths dB and dBm."""

    settle_s: float = 2.0  # after the last sighting, for the others of a group
    company_s: float = 4.0  # more, while others are just passing
    patience_s: float = 60.0  # for the other zone
    forget_s: float = 600.0  # for an end that may never be told, and of what has passed
    together_s: float = 2.0  # crossings as close as this are one passage
    apart_spreads: float = 1.0
    cycle_s: float = 0.1  # of the reader: no spread is known better than that
    confidence_min: float = 0.995
    reads_min: int = 3
    near_db: float = 10.0
    stray_dbm: float = -57.0


RULES = GateRules()


@dataclass(slots=True, kw_only=True)
class Sighting:
    """What is kept of a TagGone."""

    antenna: int
    first_at: datetime
    last_at: datetime
    strongest_at: datetime
    strong_reads: int
    spread_s: float
    reads: int
    peak_dbm: float


@dataclass(slots=True, kw_only=True)
class TagAtGate:
    """One tag: the antennas that see it now, and the sightings that are over."""

    changed_at: datetime
    seen_by: list[int] = field(default_factory=list)
    sightings: list[Sighting] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Passed:
    """A tag that has just been told, and where it went."""

    direction: Direction
    told_at: datetime


@dataclass(slots=True, kw_only=True)
class GateState:
    """A gate of the site file, and the tags at it."""

    gate: str
    device: str
    inside: tuple[int, ...]
    outside: tuple[int, ...]
    tags: dict[str, TagAtGate] = field(default_factory=dict)  # by EPC
    passed: dict[str, Passed] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Zone:
    """When a tag was nearest to a zone, and on how much that rests."""

    at: datetime
    spread_s: float
    strong_reads: int
    reads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verdict:
    """One tag's passage."""

    epc_hex: str
    direction: Direction
    confidence: float
    crossed_at: datetime
    started_at: datetime
    ended_at: datetime
    reads: int


def on_tag(
    state: GateState,
    event: TagSeen | TagGone | DeviceStatus,
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
    elif event.antenna in state.inside + state.outside:
        tag = state.tags.setdefault(event.epc_hex, TagAtGate(changed_at=now))
        tag.changed_at = now
        if isinstance(event, TagGone):
            _add_sighting(tag, event, rules)
        elif event.antenna not in tag.seen_by:
            tag.seen_by.append(event.antenna)


def due(state: GateState, now: datetime, rules: GateRules = RULES) -> list[GatePassage]:
    """The passages that are over by now; their tags are forgotten."""
    _forget(state, now, rules)
    verdicts = []
    for epc_hex in _ready(state, now, rules):
        tag = state.tags[epc_hex]
        verdict = _judge(state, epc_hex, tag, rules)
        if tag.seen_by:  # it is still there: keep watching, with a clean sheet
            tag.sightings = []
        else:
            del state.tags[epc_hex]
        if verdict is not None:
            state.passed[epc_hex] = Passed(direction=verdict.direction, told_at=now)
            verdicts.append(verdict)
    return [_passage(state.gate, group, now) for group in _groups(verdicts, rules)]


def next_due(state: GateState, rules: GateRules = RULES) -> datetime | None:
    """When `due` may have something to say at the earliest, or None."""
    times = [
        tag.changed_at + timedelta(seconds=_wait_s(state, tag, rules))
        for tag in state.tags.values()
        if tag.sightings
    ]
    return min(times, default=None)


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
    for epc_hex in [epc for epc, passed in state.passed.items() if passed.told_at < long_ago]:
        del state.passed[epc_hex]
    for epc_hex in [
        epc for epc, tag in state.tags.items() if not tag.sightings and tag.changed_at < long_ago
    ]:
        del state.tags[epc_hex]


def _zone(sightings: list[Sighting], antennas: tuple[int, ...], rules: GateRules) -> _Zone | None:
    here = [sighting for sighting in sightings if sighting.antenna in antennas]
    peak_dbm = max((sighting.peak_dbm for sighting in here), default=-math.inf)
    if peak_dbm < rules.stray_dbm:
        return None
    near = [sighting for sighting in here if sighting.peak_dbm >= peak_dbm - rules.near_db]
    reads = sum(sighting.strong_reads for sighting in near)
    origin = near[0].strongest_at
    after_s = [(sighting.strongest_at - origin).total_seconds() for sighting in near]
    mean_s = sum(s.strong_reads * t for s, t in zip(near, after_s, strict=True)) / reads
    square = sum(
        s.strong_reads * (s.spread_s**2 + (t - mean_s) ** 2)
        for s, t in zip(near, after_s, strict=True)
    )
    return _Zone(
        at=origin + timedelta(seconds=mean_s),
        spread_s=math.sqrt(square / reads),
        strong_reads=reads,
        reads=sum(sighting.reads for sighting in here),
    )


def _judge(state: GateState, epc_hex: str, tag: TagAtGate, rules: GateRules) -> _Verdict | None:
    inside = _zone(tag.sightings, state.inside, rules)
    outside = _zone(tag.sightings, state.outside, rules)
    zones = [zone for zone in (inside, outside) if zone is not None]
    if not zones:
        return None
    direction: Direction = "AMBIGUOUS"
    confidence = 0.5
    if inside is not None and outside is not None:
        direction, confidence = _direction(inside, outside, rules)
    elif _is_tail(state, epc_hex, went_out=inside is None):
        return None
    middle = sum(((zone.at - zones[0].at) for zone in zones), timedelta()) / len(zones)
    return _Verdict(
        epc_hex=epc_hex,
        direction=direction,
        confidence=confidence,
        crossed_at=zones[0].at + middle,
        started_at=min(sighting.first_at for sighting in tag.sightings),
        ended_at=max(sighting.last_at for sighting in tag.sightings),
        reads=sum(sighting.reads for sighting in tag.sightings),
    )


def _direction(inside: _Zone, outside: _Zone, rules: GateRules) -> tuple[Direction, float]:
    apart_s = (outside.at - inside.at).total_seconds()
    # It passes both zones at one speed, so the wider spread holds for both: the few reads of a
    # zone that hardly saw it lie close together by chance.
    spread_s = max(inside.spread_s, outside.spread_s, rules.cycle_s)
    error_s = spread_s * math.sqrt(1 / inside.strong_reads + 1 / outside.strong_reads)
    sigmas = abs(apart_s) / error_s
    confidence = 0.5 * (1 + math.erf(sigmas / math.sqrt(2)))
    thin = (
        min(inside.reads, outside.reads) < rules.reads_min
        or abs(apart_s) < spread_s * rules.apart_spreads
        or confidence < rules.confidence_min
    )
    if thin:
        return "AMBIGUOUS", confidence
    return ("OUT" if apart_s > 0 else "IN"), confidence


def _is_tail(state: GateState, epc_hex: str, *, went_out: bool) -> bool:
    passed = state.passed.get(epc_hex)
    return passed is not None and passed.direction == ("OUT" if went_out else "IN")


def _groups(verdicts: list[_Verdict], rules: GateRules) -> list[list[_Verdict]]:
    """Verdicts of one direction whose crossings follow each other closely, in order of time."""
    groups: list[list[_Verdict]] = []
    open_group: dict[Direction, list[_Verdict]] = {}
    for verdict in sorted(verdicts, key=lambda v: (v.crossed_at, v.epc_hex)):
        group = open_group.get(verdict.direction)
        together = timedelta(seconds=rules.together_s)
        if group is None or verdict.crossed_at - group[-1].crossed_at > together:
            group = open_group[verdict.direction] = []
            groups.append(group)
        group.append(verdict)
    return groups


def _passage(gate: str, group: list[_Verdict], now: datetime) -> GatePassage:
    return GatePassage(
        at=now,
        gate=gate,
        direction=group[0].direction,
        confidence=min(verdict.confidence for verdict in group),
        epcs_hex=tuple(sorted(verdict.epc_hex for verdict in group)),
        reads=sum(verdict.reads for verdict in group),
        started_at=min(verdict.started_at for verdict in group),
        ended_at=max(verdict.ended_at for verdict in group),
    )
