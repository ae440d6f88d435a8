"""The gate's model: seeded, on time, and as bad at reading as a real one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from simulators.rfid import Gate, Read, gate_of

AT = datetime(2026, 11, 21, 9, tzinfo=UTC)
CONFIG = gate_of(inside=(1, 2), outside=(3, 4))


def after(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def carried(seed: int, *times_s: float) -> list[Read]:
    gate = Gate(CONFIG, seed=seed)
    gate.carry(["E1", "E2"], "OUT", AT, 6)
    return [read for time_s in times_s for read in gate.reads(after(time_s))]


@given(st.integers(), st.lists(st.floats(0, 20), max_size=20))
def test_the_reads_do_not_depend_on_when_they_are_asked_for(seed: int, times_s: list[float]):
    in_one_go = carried(seed, 30)
    assert carried(seed, *sorted(times_s), 30) == in_one_go
    assert in_one_go
    assert [read.at for read in in_one_go] == sorted(read.at for read in in_one_go)
    assert all(AT <= read.at <= after(6.4) for read in in_one_go)


def test_another_seed_gives_other_reads():
    assert carried(1, 30) != carried(2, 30)


def test_a_tag_is_read_alike_whoever_else_is_there():
    alone, among = Gate(CONFIG, seed=1), Gate(CONFIG, seed=1)
    among.walk("E0", (-1, 1), 0.3, (AT, after(6)))
    for gate in (alone, among):
        gate.walk("E1", (-4, 4), 0.1, (AT, after(6)))
    assert [r for r in among.reads(after(9)) if r.epc_hex == "E1"] == alone.reads(after(9))


def test_close_to_an_antenna_a_third_of_the_reads_is_missed_and_some_come_twice():
    gate = Gate(CONFIG, seed=1)
    gate.walk("E1", (-1.0, -0.99), 0.5, (AT, after(200)))
    reads = [read for read in gate.reads(after(200)) if read.antenna == 1]
    assert 0.55 < len(reads) / 2000 < 0.7
    assert 0.02 < sum(read.count == 2 for read in reads) / len(reads) < 0.1


def test_from_afar_there_are_a_few_weak_stray_reads():
    gate = Gate(replace(CONFIG, floor_dbm=-99), seed=1)
    gate.walk("E1", (-9, -9.01), 0.5, (AT, after(200)))
    reads = gate.reads(after(200))
    assert 5 <= len(reads) < 60
    assert max(read.rssi_dbm for read in reads) < -65


def test_when_all_are_through_the_gate_is_idle():
    gate = Gate(CONFIG, seed=1)
    done_at = gate.carry(["E1", "E2", "E3"], "IN", AT, 6)
    assert done_at > after(6), "they come in a row"
    gate.reads(done_at - timedelta(seconds=0.1))
    idle_before = gate.is_idle
    gate.reads(done_at)
    assert (idle_before, gate.is_idle) == (False, True)
    assert gate.reads(done_at + timedelta(hours=1)) == []
