"""One tag's reads at a gate -> a direction, how sure that is, and on what it rests.

    inside    ....xxXXXxx.........        direction = order of the moments when the tag was
    outside   .........xxXXXxx....        nearest to each zone, never the order of first reads:
                  t_in   t_out            a reflection may be the very first read of all

The evidence of a zone is the sightings at its antennas, those within `near_db` of the strongest
one: `t` is the mean time of their n strongest reads, which spread around it by s seconds. How sure
we are is then plain statistics:

    c = normal_cdf(|t_out - t_in| / (s sqrt(1/n_in + 1/n_out)))               s: the wider one

and what was to be expected (an ASN, a load list) is weighed with it as Bayes says: with a share p
of the tags that are expected to go this way and do,

    confidence = c p / (c p + (1 - c) (1 - p))                     p = 1/2 without an expectation

Photo-eyes (wcs.eyes) are weighed the same way: a share `eyes_share` of the tags that both zones saw
while something crossed went with it.

Laws:
    both zones    a direction needs at least `reads_min` reads in each zone, moments that are
                  `apart_spreads` spreads apart, and `confidence_min`; otherwise it is AMBIGUOUS
    expectation   never makes a movement by itself: it moves the threshold, for both zones seen
    eyes          neither do they: of what one zone alone saw they say nothing. Where they and the
                  antennas are sure of different ways, it is AMBIGUOUS
    strays        a zone that never saw the tag stronger than `stray_dbm`, or saw it weaker than
                  the other one by `balance_db`, did not see it pass; a tag that neither zone saw
                  is not at the gate at all
    standing      what one zone alone saw for `standing_s` stands there; nobody is asked about it

Pure.

Source: the order of trust among portal signals follows common RFID portal practice (zones by
centroid before first read); thresholds are ours.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from wcs.eyes import Crossing, Way, way_at

Direction: TypeAlias = Literal["IN", "OUT", "AMBIGUOUS"]
Reason: TypeAlias = Literal[
    "", "one_zone", "few_reads", "too_close", "unsure", "two_doors", "eyes_differ"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRules:
    """When the evidence is good enough. Times are virtual seconds, strengths dB and dBm."""

    settle_s: float = 2.0  # after the last sighting, for the others of a group
    company_s: float = 4.0  # more, while others are just passing
    patience_s: float = 60.0  # for the other zone
    forget_s: float = 600.0  # for an end that may never be told, and of what has passed
    standing_s: float = 30.0
    together_s: float = 2.0  # crossings as close as this are one passage
    apart_spreads: float = 1.0
    apart_expected: float = 0.5  # the same, where the direction is the expected one
    cycle_s: float = 0.1  # of the reader: no spread is known better than that
    confidence_min: float = 0.995
    expected_share: float = 0.95
    eyes_share: float = 0.998
    eyes_pair_s: float = 2.0  # from one eye to the other
    eyes_near_s: float = 3.0  # between the moment of a crossing and that of a tag
    reads_min: int = 3
    near_db: float = 6.0
    stray_dbm: float = -57.0
    balance_db: float = 11.0  # who passes is about as strong on either side
    rival_db: float = 3.0  # so much stronger at one of two doors is clear
    rival_s: float = 10.0  # two doors see one passage within that; and wait so long for each other
    sightings_max: int = 24  # of a tag that comes and goes at the edge of the field: the strongest


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """When a tag was nearest to a zone, and on how much that rests."""

    at: datetime
    spread_s: float
    strong_reads: int
    reads: int
    peak_dbm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One tag's passage."""

    epc_hex: str
    direction: Direction
    confidence: float
    crossed_at: datetime
    started_at: datetime
    ended_at: datetime
    reads: int
    reads_inside: int = 0
    reads_outside: int = 0
    peak_dbm: float = 0.0
    expected: bool = False
    reason: Reason = ""
    neighbour: str = ""  # the other door, where two cannot be told apart


def zones_of(
    sightings: list[Sighting],
    inside: tuple[int, ...],
    outside: tuple[int, ...],
    rules: GateRules = RULES,
) -> tuple[Zone | None, Zone | None]:
    """What both sides saw of a tag that came near them."""
    zones = _zone_of(sightings, inside, rules), _zone_of(sightings, outside, rules)
    if zones[0] is None or zones[1] is None:
        return zones
    more_db = zones[0].peak_dbm - zones[1].peak_dbm
    if abs(more_db) <= rules.balance_db:
        return zones
    return (zones[0], None) if more_db > 0 else (None, zones[1])


def _zone_of(sightings: list[Sighting], antennas: tuple[int, ...], rules: GateRules) -> Zone | None:
    """What these antennas saw of a tag; None if it was not near them."""
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
    return Zone(
        at=origin + timedelta(seconds=mean_s),
        spread_s=math.sqrt(square / reads),
        strong_reads=reads,
        reads=sum(sighting.reads for sighting in here),
        peak_dbm=peak_dbm,
    )


def judge(
    epc_hex: str,
    sightings: list[Sighting],
    zones: tuple[Zone | None, Zone | None],
    expected: Direction | None,
    rules: GateRules = RULES,
    crossed: Sequence[Crossing] = (),
) -> Verdict | None:
    """Which way a tag went; None if it was not at the gate, or stands there.

    Args:
        epc_hex: whose.
        sightings: all of it.
        zones: what inside and outside saw of it.
        expected: where it should go here, if anybody said so.
        rules: when evidence is good enough.
        crossed: what the photo-eyes of this gate saw.
    """
    seen = [zone for zone in zones if zone is not None]
    if not seen:
        return None
    inside, outside = zones
    started_at = min(sighting.first_at for sighting in sightings)
    ended_at = max(sighting.last_at for sighting in sightings)
    direction: Direction = "AMBIGUOUS"
    confidence = 0.5
    reason: Reason = "one_zone"
    middle = sum(((zone.at - seen[0].at) for zone in seen), timedelta()) / len(seen)
    crossed_at = seen[0].at + middle
    if inside is not None and outside is not None:
        eyes = way_at(crossed, crossed_at, near_s=rules.eyes_near_s)
        direction, confidence, reason = _direction(inside, outside, expected, eyes, rules)
    elif (ended_at - started_at).total_seconds() >= rules.standing_s:
        return None
    return Verdict(
        epc_hex=epc_hex,
        direction=direction,
        confidence=confidence,
        crossed_at=crossed_at,
        started_at=started_at,
        ended_at=ended_at,
        reads=sum(sighting.reads for sighting in sightings),
        reads_inside=inside.reads if inside is not None else 0,
        reads_outside=outside.reads if outside is not None else 0,
        peak_dbm=max(zone.peak_dbm for zone in seen),
        expected=expected is not None and direction in {expected, "AMBIGUOUS"},
        reason=reason,
    )


def _direction(
    inside: Zone, outside: Zone, expected: Direction | None, eyes: Way | None, rules: GateRules
) -> tuple[Direction, float, Reason]:
    apart_s = (outside.at - inside.at).total_seconds()
    # It passes both zones at one speed, so the wider spread holds for both: the few reads of a
    # zone that hardly saw it lie close together by chance.
    spread_s = max(inside.spread_s, outside.spread_s, rules.cycle_s)
    error_s = spread_s * math.sqrt(1 / inside.strong_reads + 1 / outside.strong_reads)
    seen: Direction = "OUT" if apart_s > 0 else "IN"
    sure = 0.5 * (1 + math.erf(abs(apart_s) / error_s / math.sqrt(2)))
    confidence = sure
    for said, share in ((expected, rules.expected_share), (eyes, rules.eyes_share)):
        if said is not None:
            confidence = _weighed(confidence, share if said == seen else 1 - share)
    reason: Reason = ""
    if eyes is not None and inside.reads + outside.reads >= rules.reads_min:
        if seen != eyes and abs(apart_s) >= spread_s * rules.apart_spreads:
            reason = "eyes_differ"
        elif confidence < 0.5:  # noqa: PLR2004 - the other way is likelier
            seen, confidence = eyes, 1 - confidence
    elif min(inside.reads, outside.reads) < rules.reads_min:
        reason = "few_reads"
    elif abs(apart_s) < spread_s * (
        rules.apart_expected if seen == expected else rules.apart_spreads
    ):
        reason = "too_close"
    if not reason and confidence < rules.confidence_min:
        reason = "unsure"
    return "AMBIGUOUS" if reason else seen, confidence, reason


def _weighed(sure: float, share: float) -> float:
    """How sure we are when such a share of those like it goes the same way (Bayes)."""
    return sure * share / (sure * share + (1 - sure) * (1 - share))
