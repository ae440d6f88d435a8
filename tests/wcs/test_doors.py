"""Two doors side by side, what is expected at which, and what only stands there.

Take the other doors, the expectations or the rules for what stands out of `wcs.gates` and
`wcs.passage`, and a test here fails.
"""

from typing import Literal

from edge.messages import TagGone
from edge.tagfilter import TagFilter
from simulators.rfid import Doors, Gate, gate_of
from tests.wcs.sightings import AT, INSIDE, OUTSIDE, a_gate, after, gone, raw, told
from wcs.gates import RULES, Announced, GateState, all_due, expect, on_tag
from wcs.messages import GatePassage, PassageExpected

# ------------------------------------------------------------------- what should go where
SSCC, EPC = "106141412345678908", "3114257BF4499602D2000000"
BARELY = (  # nearly: sure to 97 %
    gone(1, 2, EPC, strongest_spread_s=0.8, strongest_reads=4),
    gone(3, 3.1, EPC, strongest_spread_s=0.8, strongest_reads=4),
)


def a_list(
    direction: Literal["IN", "OUT"], gate: str = "", *, codes: tuple[str, ...] = (SSCC,)
) -> PassageExpected:
    return PassageExpected(
        id="asn-1",
        direction=direction,
        codes=codes,
        gate=gate,
        expires_at=after(500),
    )


def weighed(*lists: PassageExpected, events: tuple[TagGone, ...] = BARELY) -> GatePassage | None:
    """What is told of a tag, when that was expected."""
    state, announced = a_gate(), Announced()
    for each in lists:
        expect(announced, each)
    for event in events:
        on_tag(state, event, event.at)
    told = all_due([state], announced, after(120))
    return told[0] if told else None


def test_what_is_expected_makes_sure_what_nearly_was_and_never_the_contrary():
    alone, as_told = weighed(), weighed(a_list("OUT"))
    against, elsewhere = weighed(a_list("IN")), weighed(a_list("OUT", "GATE-IN"))
    assert alone is not None
    assert as_told is not None
    assert against is not None
    assert (alone.direction, as_told.direction, against.direction) == (
        "AMBIGUOUS", "OUT", "AMBIGUOUS",
    )  # fmt: skip
    assert against.confidence < alone.confidence < 0.995 <= as_told.confidence
    assert (alone.reasons, as_told.expected, alone.expected) == (("unsure",), 1, 0)
    assert elsewhere is not None
    assert elsewhere.direction == "AMBIGUOUS"


def test_an_expectation_moves_nothing_by_itself():
    for events in ((gone(1, 2, EPC),), (gone(1, 2, EPC), gone(3, 2.02, EPC))):
        passage = weighed(a_list("OUT", "GATE-OUT"), events=events)
        assert passage is not None
        assert passage.direction == "AMBIGUOUS"


def test_a_list_replaces_itself_is_taken_back_and_runs_out():
    announced = Announced()
    expect(announced, a_list("OUT"))
    expect(announced, a_list("IN"))
    assert announced.at("GATE-OUT", EPC) == "IN"
    assert announced.at("GATE-OUT", "E1") is None
    expect(announced, a_list("IN", codes=()))
    assert announced == Announced()
    expect(announced, a_list("IN"))
    all_due([], announced, after(500))
    assert announced == Announced()


# ------------------------------------------------------------------------------- two doors
def at_two_doors(*events: TagGone, announced: Announced | None = None) -> list[GatePassage]:
    states = [
        GateState(gate=name, device=name, inside=INSIDE, outside=OUTSIDE) for name in ("A", "B")
    ]
    for event in events:
        for state in states:
            on_tag(state, event, event.at)
    passages = []
    for second in range(120):
        passages += all_due(states, announced or Announced(), after(second))
    assert [state.tags for state in states] == [{}, {}]
    return passages


def pair(device: str, peak_dbm: float, *nearest_s: float) -> tuple[TagGone, TagGone]:
    one, other = nearest_s
    return (
        gone(1, one, EPC, device=device, peak_rssi_dbm=peak_dbm),
        gone(3, other, EPC, device=device, peak_rssi_dbm=peak_dbm),
    )


def test_a_tag_that_two_doors_saw_passed_where_it_was_stronger():
    for weak, strong in (("A", "B"), ("B", "A")):
        (passage,) = at_two_doors(*pair(weak, -52, 2, 4), *pair(strong, -44, 2, 4))
        assert (passage.gate, passage.direction) == (strong, "OUT")


def test_where_it_was_strong_at_both_a_person_is_asked_once_unless_one_door_expects_it():
    events = (*pair("A", -45, 2, 4), *pair("B", -44, 2, 4))
    (asked,) = at_two_doors(*events)
    assert (asked.direction, asked.reasons) == ("AMBIGUOUS", ("two_doors",))
    assert {asked.gate, asked.neighbour} == {"A", "B"}

    announced = Announced()
    expect(announced, a_list("OUT", "A"))
    (told,) = at_two_doors(*events, announced=announced)
    assert (told.gate, told.direction) == ("A", "OUT")


def test_what_trickles_in_at_the_other_door_is_nothing_new():
    states = [
        GateState(gate=name, device=name, inside=INSIDE, outside=OUTSIDE) for name in ("A", "B")
    ]
    for event in (*pair("A", -52, 2, 4), *pair("B", -44, 2, 4)):
        for state in states:
            on_tag(state, event, event.at)
    (passage,) = all_due(states, Announced(), after(14))
    late = pair("A", -50, 9, 10)
    for event in late:
        on_tag(states[0], event, event.at)
    assert passage.gate == "B"
    assert all_due(states, Announced(), after(120)) == []


def test_through_one_door_and_later_through_the_other_are_two_passages():
    passages = at_two_doors(*pair("A", -44, 2, 4), *pair("B", -44, 64, 62))
    assert [(p.gate, p.direction) for p in passages] == [("A", "OUT"), ("B", "IN")]


def test_at_doors_side_by_side_nothing_passes_at_the_wrong_one():
    doors = Doors([Gate(gate_of(INSIDE, OUTSIDE), seed=n) for n in (1, 2)], apart_m=3.5)
    epcs = [f"3114257BF4499602{n:02X}000000" for n in range(60)]
    for n, epc in enumerate(epcs):
        at_s = n * 0.8
        doors.walk(n % 2, epc, (-4, 4), 0.4 - n % 5 / 5, (after(at_s), after(at_s + 6)))
    states = [
        GateState(gate=name, device=name, inside=INSIDE, outside=OUTSIDE) for name in ("A", "B")
    ]
    filters = [TagFilter("A"), TagFilter("B")]
    passages = []
    for second in range(140):
        now = after(second)
        for gate, tags, state in zip(doors.gates, filters, states, strict=True):
            for read in gate.reads(now):
                for event in tags.read(raw(read)):
                    on_tag(state, event, now)
            for event in tags.due(now):
                on_tag(state, event, now)
        passages += all_due(states, Announced(), now)
    told = {epc: (p.gate, p.direction) for p in passages for epc in p.epcs_hex}
    assert told == {epc: ("AB"[n % 2], "OUT") for n, epc in enumerate(epcs)}
    assert sum(len(p.epcs_hex) for p in passages) == len(epcs)


# ---------------------------------------------------------------------------------- standing
def test_who_passed_is_as_strong_on_either_side():
    (passage,) = told(gone(1, 2, peak_rssi_dbm=-40.0), gone(3, 4, peak_rssi_dbm=-54.0))
    assert (passage.direction, passage.reasons) == ("AMBIGUOUS", ("one_zone",))


def test_what_stands_before_a_door_is_asked_about_by_nobody():
    assert told(gone(1, 20, first_seen_at=after(1), last_seen_at=after(38), at=after(40))) == []


def test_a_tag_that_comes_up_to_the_door_again_and_again_is_asked_about_once():
    visits = [gone(1, 70.0 * n) for n in range(1, 6)]
    assert [p.direction for p in told(*visits, until_s=500)] == ["AMBIGUOUS"]


def test_of_a_tag_at_the_edge_of_the_field_few_sightings_are_kept_and_the_strongest():
    state = a_gate()
    on_tag(state, gone(1, 0, peak_rssi_dbm=-41.0), AT)
    for n in range(1, 500):
        on_tag(state, gone(1, n * 3.0, peak_rssi_dbm=-56.0), AT)
    kept = state.tags["E1"].sightings
    assert len(kept) == RULES.sightings_max
    assert max(sighting.peak_dbm for sighting in kept) == -41
