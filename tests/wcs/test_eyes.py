"""Photo-eyes at a gate: what crosses has a direction, and it helps the antennas, no more.

Take a condition out of `wcs.eyes`, or of the eyes' part of `wcs.passage`, and a test here fails.
"""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from edge.messages import DeviceStatus, EyeChanged
from edge.tagfilter import TagFilter
from simulators.rfid import Gate, gate_of
from tests.wcs.sightings import AT, INSIDE, OUTSIDE, a_gate, after, gone, raw
from wcs.eyes import Dark, crossings, see, way_at
from wcs.gates import due, on_tag

EYES = (7, 8)


def darks(*times: tuple[bool, float, float]) -> list[Dark]:
    """Dark times as they come in: (inside, from, until), in seconds."""
    found: list[Dark] = []
    changes = [(since, inside, True) for inside, since, _ in times]
    changes += [(until, inside, False) for inside, _, until in times]
    for at_s, inside, dark in sorted(changes):
        see(found, inside=inside, dark=dark, at=after(at_s))
    return found


@pytest.mark.parametrize(
    ("times", "ways"),
    [
        (((False, 1.0, 2.0), (True, 1.4, 2.4)), ["IN"]),
        (((True, 1.0, 2.0), (False, 2.5, 3.0)), ["OUT"]),
        (((False, 1.0, 1.4), (False, 1.7, 2.2), (True, 1.3, 1.8), (True, 2.0, 2.5)), ["IN"]),
        (((False, 1.0, 3.0), (True, 1.5, 2.5)), []),  # reached in, and drew back
        (((False, 1.0, 2.0), (True, 9.0, 9.5)), []),  # two people, each turning back
        (((False, 1.0, 2.0), (True, 1.4, 2.4), (True, 3.5, 4.5), (False, 3.9, 4.9)), []),
        (((False, 1.0, 2.0),), []),
    ],
)  # fmt: skip
def test_a_crossing_begins_and_ends_at_one_eye_first(
    times: tuple[tuple[bool, float, float], ...], ways: list[str]
):
    assert [one.way for one in crossings(darks(*times), pair_s=2.0)] == ways


def test_what_is_still_dark_or_said_twice_is_no_crossing():
    found: list[Dark] = []
    for at_s in (1, 2):
        see(found, inside=True, dark=True, at=after(at_s))
    see(found, inside=False, dark=False, at=after(3))
    assert found == [Dark(inside=True, since=after(1))]
    assert [*crossings(found, pair_s=2.0)] == []


def test_of_two_ways_at_a_time_none_is_believed():
    into, out = (
        next(crossings(darks((inside, 1, 2), (not inside, 1.4, 2.4)), pair_s=2.0))
        for inside in (False, True)
    )
    assert way_at([into], into.at, near_s=3) == "IN"
    assert way_at([into, out], into.at, near_s=3) is None
    assert way_at([into], into.at + timedelta(seconds=4), near_s=3) is None


# ------------------------------------------------------------------------ with the antennas
def judged_with(*events: object, way: str = "OUT") -> list[tuple[str, tuple[str, ...]]]:
    """What is told of these sightings when something goes that way meanwhile, at 3 s."""
    state = replace(a_gate(), eyes=EYES)
    first, second = EYES if way == "OUT" else EYES[::-1]
    for eye, dark, at_s in ((first, True, 2.6), (second, True, 3.0), (first, False, 3.0), (
        second, False, 3.4)):  # fmt: skip
        on_tag(state, EyeChanged(at=after(at_s), device="rfid", eye=eye, dark=dark), after(at_s))
    for event in events:
        on_tag(state, event, after(5))  # type: ignore[arg-type]
    return [(one.direction, one.reasons) for one in due(state, after(100))]


def test_eyes_decide_where_antennas_cannot():
    fast = (gone(1, 3.0), gone(3, 3.1))  # too close together for the antennas alone
    assert judged_with(*fast, way="OUT") == [("OUT", ())]
    assert judged_with(*fast, way="IN") == [("IN", ())]
    thin = gone(3, 3.6, reads=2, strongest_reads=2)
    assert judged_with(gone(1, 2.4), thin, way="OUT") == [("OUT", ())]


def test_eyes_make_no_movement_of_what_one_zone_saw_and_none_against_the_antennas():
    assert judged_with(gone(1, 3.0)) == [("AMBIGUOUS", ("one_zone",))]
    sure_out = (gone(1, 2.0), gone(3, 4.0))
    assert judged_with(*sure_out, way="IN") == [("AMBIGUOUS", ("eyes_differ",))]
    assert judged_with(*sure_out, way="OUT") == [("OUT", ())]
    few = (gone(1, 3.0, reads=1, strongest_reads=1), gone(3, 3.1, reads=1, strongest_reads=1))
    assert judged_with(*few)[0][0] == "AMBIGUOUS"


def test_a_reader_that_was_away_has_seen_nothing_whole():
    state = replace(a_gate(), eyes=EYES)
    on_tag(state, EyeChanged(at=AT, device="rfid", eye=7, dark=True), AT)
    on_tag(state, EyeChanged(at=AT, device="rfid", eye=9, dark=True), AT)  # no eye of this gate
    assert len(state.darks) == 1
    on_tag(state, DeviceStatus(at=AT, device="rfid", status="UP"), AT)
    assert state.darks == []


def judged(gate: Gate, seconds: int, *, eyes: bool) -> Counter[str]:
    """Which ways the tags of a gate went, with its eyes or without."""
    tags, found = TagFilter("rfid"), Counter[str]()
    state = replace(a_gate(), eyes=EYES)
    for second in range(seconds):
        now = after(second)
        for eye in gate.eyes(now - timedelta(seconds=1), now) if eyes else ():
            number = EYES[0 if eye.inside else 1]
            event = EyeChanged(at=eye.at, device="rfid", eye=number, dark=eye.dark)
            on_tag(state, event, now)
        for read in gate.reads(now):
            for said in tags.read(raw(read)):
                on_tag(state, said, now)
        for over in tags.due(now):
            on_tag(state, over, now)
        found.update(p.direction for p in due(state, now) for _ in p.epcs_hex)
    return found


@pytest.mark.parametrize("rate", [0.3, 0.15])
def test_a_bad_reader_with_eyes_asks_less_and_errs_as_little(rate: float):
    """Fast carts past a bad reader: the case that antennas alone leave to people."""
    alone, helped = Counter[str](), Counter[str]()
    for seed in range(40):
        for eyes, found in ((False, alone), (True, helped)):
            gate = Gate(replace(gate_of(INSIDE, OUTSIDE), read_rate=rate), seed=seed)
            gate.carry(["E1", "E2", "E3"], "OUT", AT, 3)
            found.update(judged(gate, 80, eyes=eyes))
    assert alone["IN"] == helped["IN"] == 0
    assert helped["OUT"] > 1.2 * alone["OUT"], (alone, helped)


def test_who_turns_back_before_eyes_has_not_passed():
    for seed in range(30):
        gate = Gate(gate_of(INSIDE, OUTSIDE), seed=seed)
        gate.walk("E1", (-4.0, 0.1), 0.0, (AT, after(4)))
        gate.walk("E1", (0.1, -4.0), 0.0, (after(4), after(8)))
        assert gate.eyes(AT, after(9)), "the eyes were dark"
        assert {*judged(gate, 80, eyes=True)} <= {"AMBIGUOUS"}
