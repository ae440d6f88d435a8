"""Raw reads -> seen and gone. Each law, and any reads in any order of tags and antennas."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from edge.messages import TagGone, TagSeen
from edge.tagfilter import RawRead, Rules, TagFilter

AT = datetime(2026, 11, 21, 9, tzinfo=UTC)
RULES = Rules(reads_min=2, silence_s=1.5, floor_dbm=-75, strong_db=10)


def after(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def a_read(seconds: float, rssi_dbm: float = -50, epc: str = "E1", antenna: int = 1) -> RawRead:
    return RawRead(at=after(seconds), antenna=antenna, epc_hex=epc, rssi_dbm=rssi_dbm)


def the_gone(*reads: RawRead) -> TagGone:
    tags = TagFilter("gate", RULES)
    for read in reads:
        tags.read(read)
    (gone,) = tags.due(reads[-1].at + timedelta(seconds=2))
    return gone


def test_a_tag_is_seen_when_it_has_been_read_twice_and_gone_when_it_is_silent():
    tags = TagFilter("gate", RULES)
    assert tags.read(a_read(0)) == []
    (seen,) = tags.read(a_read(1))
    assert tags.read(a_read(2)) == []
    assert tags.due(after(3.5)) == []
    (gone,) = tags.due(after(3.6))

    assert isinstance(seen, TagSeen)
    assert (seen.device, seen.antenna, seen.epc_hex, seen.at) == ("gate", 1, "E1", after(1))
    assert (gone.first_seen_at, gone.last_seen_at, gone.reads) == (after(0), after(2), 3)
    assert tags.due(after(99)) == []
    assert tags.watching == 0


def test_a_single_stray_read_is_forgotten_without_a_word():
    tags = TagFilter("gate", RULES)
    assert tags.read(a_read(0)) == []
    assert tags.due(after(10)) == []
    assert tags.read(a_read(11)) == []  # counts from the beginning


def test_weak_reads_count_for_nothing():
    tags = TagFilter("gate", RULES)
    assert [tags.read(a_read(n / 10, rssi_dbm=-76)) for n in range(20)] == [[]] * 20
    assert tags.watching == 0


def test_a_late_batch_with_a_silence_in_it_ends_one_sighting_and_begins_another():
    tags = TagFilter("gate", RULES)
    said = [event for s in (0, 1, 60, 61) for event in tags.read(a_read(s))]
    assert [type(event) for event in said] == [TagSeen, TagGone, TagSeen]


def test_an_hour_beside_the_gate_does_not_move_the_moment_of_passing():
    parked = [a_read(n, rssi_dbm=-68) for n in range(3600)]
    passing = [a_read(3600 + n / 10, rssi_dbm=-68 + 2 * min(n, 20 - n)) for n in range(21)]
    gone = the_gone(*parked, *passing)

    assert gone.peak_rssi_dbm == -48
    assert abs((gone.strongest_at - after(3601)).total_seconds()) < 0.001
    assert gone.strongest_reads == 7
    assert 0 < gone.strongest_spread_s < 1
    assert gone.reads == 3621


def test_reads_that_the_reader_has_counted_count_as_many():
    tags = TagFilter("gate", RULES)
    assert len(tags.read(RawRead(at=AT, antenna=1, epc_hex="E1", rssi_dbm=-50, count=2))) == 1


def test_who_is_present_is_said_again():
    tags = TagFilter("gate", RULES)
    for read in (a_read(0), a_read(0.1), a_read(0.1, epc="E2"), a_read(0.2, antenna=2)):
        tags.read(read)
    assert [(s.epc_hex, s.antenna, s.at) for s in tags.present(after(1))] == [("E1", 1, after(1))]


READS = st.lists(
    st.tuples(
        st.floats(0, 5),
        st.sampled_from(["E1", "E2", "E3"]),
        st.integers(1, 3),
        st.floats(-90, -30),
    ),
    max_size=60,
)


@given(READS)
def test_every_sighting_is_told_in_pairs_and_adds_up(drawn: list[tuple[float, str, int, float]]):
    tags = TagFilter("gate", RULES)
    said: list[TagSeen | TagGone] = []
    at_s = 0.0
    for step_s, epc, antenna, rssi_dbm in drawn:
        at_s += step_s / 4
        said += tags.read(a_read(at_s, rssi_dbm, epc, antenna))
        said += tags.due(after(at_s))
    said += tags.due(after(at_s + 10))

    open_at: set[tuple[str, int]] = set()
    for event in said:
        key = (event.epc_hex, event.antenna)
        if isinstance(event, TagSeen):
            assert key not in open_at
            open_at.add(key)
            continue
        open_at.remove(key)
        assert event.first_seen_at <= event.strongest_at <= event.last_seen_at
        assert event.reads >= max(RULES.reads_min, event.strongest_reads)
        assert event.strongest_reads >= 1
        assert event.peak_rssi_dbm >= RULES.floor_dbm
    assert open_at == set()
    assert tags.watching == 0
