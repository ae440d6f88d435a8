"""Tags through two doors side by side, 1,000 raw reads a second each; one JSON line.

    python -m benchmarks.gate --json [--seconds 60] [--rounds 3] [--seed 1]

Pallets of tagged cartons are carried out and in through both doors; others stand about in front of
them, come up to a door and turn back, or stand staged three metres before it and then leave. The
readers miss a third of the chances close by and hear strays from the far end and through the wall,
nearly all that passes next door. What they read is written as LLRP 1.0.1 beforehand; then, on one
core, as the edge and the WCS do it:

    frames -> messages -> reads -> sightings (edge.drivers.tags) -> passages (wcs.gates)

passages_right   share of the tags carried through that were told once, at their door, their way
wrong_movements  tags told IN or OUT that did not pass there that way: there must be none
asked            tags that a person is asked about
baseline_*       the same reads judged as is often done: by which side read a tag first, each door
                 for itself
cpu_share        seconds of processor for a second of reads, of both gates together
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from edge.drivers.llrp import Splitter, decode, encode
from edge.drivers.llrp_messages import ReaderEvent, TagRead, TagReport
from edge.drivers.rfid import RfidReader
from edge.gs1 import sscc_from, sscc_to_epc_hex
from edge.messages import DeviceEvent, RobotReport, TagGone, TagSeen
from simulators.rfid import Doors, Gate, Read, Way, gate_of
from wcs.gates import Announced, GateState, all_due, on_tag
from wcs.messages import GatePassage

AT = datetime(2026, 11, 21, 9, tzinfo=UTC)
INSIDE, OUTSIDE = (1, 2), (3, 4)
APART_M = 3.5  # from the middle of one door to that of the next
CARTONS = 72  # on a pallet
BATCH = timedelta(milliseconds=20)  # of reads in one report
DRAIN_S = 75


@dataclass
class Truth:
    """What really happened: (door, EPC) -> the way it went; and who never passed."""

    passed: dict[tuple[int, str], Way] = field(default_factory=dict)
    stayed: set[str] = field(default_factory=set)


class StandingClock:
    """The time of the reads."""

    def __init__(self) -> None:
        self.at = AT

    def now(self) -> datetime:
        """The time of the last report."""
        return self.at

    def real_s(self, virtual_s: float) -> float:
        """At the speed of real time."""
        return virtual_s

    async def sleep(self, virtual_s: float) -> None:
        """Nobody sleeps here."""
        raise NotImplementedError


def main() -> None:
    """Read the arguments, measure, say it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    rounds = [measure(asked.seed + n, asked.seconds) for n in range(asked.rounds)]
    total: Counter[str] = Counter()
    for found in rounds:
        total.update(found)
    tags, span_s = total["tags"], asked.seconds * asked.rounds
    answer = {
        "passages_right": round(total["right"] / tags, 5),
        "wrong_movements": total["wrong"],
        "asked": total["asked"],
        "tags_passed": tags,
        "reads_per_s_a_gate": round(total["reads"] / 2 / span_s),
        "cpu_share": round(total["cpu_ms"] / 1000 / span_s, 3),
        "cpu_us_a_read": round(total["cpu_ms"] * 1000 / total["reads"], 1),
        "baseline_right": round(total["baseline_right"] / tags, 5),
        "baseline_wrong_movements": total["baseline_wrong"],
        "rounds": asked.rounds,
        "seconds": asked.seconds,
    }
    if not asked.json:
        for name, value in answer.items():
            print(f"{name:28} {value}")
    print(json.dumps(answer))


def measure(seed: int, seconds: int) -> Counter[str]:
    """One minute at two doors."""
    doors, truth = world(seed, seconds)
    reads = [gate.reads(AT + timedelta(seconds=seconds)) for gate in doors.gates]
    frames = [list(_frames(found)) for found in reads]
    began = time.process_time()
    passages = _judge(frames, seconds)
    cpu_ms = round((time.process_time() - began) * 1000)
    found = _score(truth, [(int(p.gate), e, p.direction) for p in passages for e in p.epcs_hex])
    naive = _score(truth, [row for n, each in enumerate(reads) for row in _by_first_read(n, each)])
    return found + Counter(
        reads=sum(read.count for each in reads for read in each),
        cpu_ms=cpu_ms,
        baseline_right=naive["right"],
        baseline_wrong=naive["wrong"],
    )


# -------------------------------------------------------------------------------------- the world
def world(seed: int, seconds: int) -> tuple[Doors, Truth]:
    """Two doors, and what is carried through and stands about for so long."""
    chance = Random(seed)
    doors = Doors(
        [Gate(gate_of(INSIDE, OUTSIDE), seed=seed * 2 + n) for n in range(2)], apart_m=APART_M
    )
    truth, serials = Truth(), iter(range(seed * 100_000, (seed + 1) * 100_000))

    def tag() -> str:
        return sscc_to_epc_hex(sscc_from("4512345", 1, next(serials)), 7)

    whole = (AT, AT + timedelta(seconds=seconds))
    for door in range(2):
        _stand_about(doors, door, truth, [tag() for _ in range(80)], chance, whole)
        at_s = chance.uniform(0, 2)
        while at_s < seconds - 12:
            drive = Drive(
                door=door,
                way=chance.choice(["IN", "OUT"]),
                at_s=at_s,
                seconds=chance.uniform(4.5, 9),
                staged_s=chance.choice([0.0, 0.0, 0.0, min(25.0, seconds - 10 - at_s)]),
            )
            _pallet(doors, truth, [tag() for _ in range(CARTONS)], chance, drive)
            at_s += drive.seconds + chance.uniform(0.2, 0.8)  # the staged ones stand beside
        for number in range(seconds // 20):
            _turn_back(doors, door, truth, tag(), chance, number * 20 + chance.uniform(0, 8))
    return doors, truth


@dataclass(frozen=True)
class Drive:
    """A pallet that is driven through a door."""

    door: int
    way: Way
    at_s: float
    seconds: float
    staged_s: float  # it stood there before, near the door


def _pallet(doors: Doors, truth: Truth, tags: list[str], chance: Random, drive: Drive) -> None:
    """Its cartons pass one behind and beside the other."""
    side = -1.0 if drive.way == "OUT" else 1.0
    for place, epc_hex in enumerate(tags):
        y_m = chance.uniform(-0.5, 0.5)
        from_m = side * (3.0 + place % 4 * 0.3 if drive.staged_s else 4.0)
        behind_s = 0.0 if drive.staged_s else (place % 4) * 0.3 * drive.seconds / 8
        stood = AT + timedelta(seconds=drive.at_s)
        starts_at = stood + timedelta(seconds=drive.staged_s + behind_s)
        if drive.staged_s:
            doors.walk(drive.door, epc_hex, (from_m, from_m - 0.01), y_m, (stood, starts_at))
        ends_at = starts_at + timedelta(seconds=drive.seconds)
        doors.walk(drive.door, epc_hex, (from_m, -side * 4.0), y_m, (starts_at, ends_at))
        truth.passed[drive.door, epc_hex] = drive.way


def _stand_about(
    doors: Doors,
    door: int,
    truth: Truth,
    tags: list[str],
    chance: Random,
    times: tuple[datetime, datetime],
) -> None:
    """Goods beside the way, 2.5 to 6 m inside the door."""
    for epc_hex in tags:
        x_m = -chance.uniform(2.8, 6)
        doors.walk(door, epc_hex, (x_m, x_m - 0.01), chance.uniform(-1.7, 1.7), times)
        truth.stayed.add(epc_hex)


def _turn_back(
    doors: Doors, door: int, truth: Truth, epc_hex: str, chance: Random, at_s: float
) -> None:
    """Somebody comes up to the door and goes back."""
    start, turn = -4.0, chance.uniform(-1.5, 0.0)
    half_s = chance.uniform(2, 4)
    middle = AT + timedelta(seconds=at_s + half_s)
    y_m = chance.uniform(-0.4, 0.4)
    doors.walk(door, epc_hex, (start, turn), y_m, (AT + timedelta(seconds=at_s), middle))
    doors.walk(door, epc_hex, (turn, start), y_m, (middle, middle + timedelta(seconds=half_s)))
    truth.stayed.add(epc_hex)


# ------------------------------------------------------------------------------------ the product
def _frames(reads: list[Read]) -> Iterator[tuple[datetime, bytes]]:
    """Reads as a reader reports them: every 20 ms, in LLRP."""
    yield AT, encode(ReaderEvent(at_us=_us(AT), connection=0))
    batch: list[TagRead] = []
    until = AT
    for read in reads:
        if read.at > until and batch:
            yield until, encode(TagReport(tags=tuple(batch)))
            batch = []
        while read.at > until:
            until += BATCH
        batch.append(
            TagRead(
                epc_hex=read.epc_hex,
                antenna=read.antenna,
                rssi_dbm=read.rssi_dbm,
                last_seen_us=_us(read.at),
                count=read.count,
            )
        )
    yield until, encode(TagReport(tags=tuple(batch)))


def _us(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)


def _judge(frames: list[list[tuple[datetime, bytes]]], seconds: int) -> list[GatePassage]:
    """What the edge and the WCS make of them; the WCS steps ten times a second."""
    clock = StandingClock()
    gates = [
        GateState(gate=str(n), device=f"rfid-{n}", inside=INSIDE, outside=OUTSIDE)
        for n in range(len(frames))
    ]
    said: list[DeviceEvent | RobotReport] = []
    readers = []
    for n in range(len(frames)):
        row = {"name": f"rfid-{n}"}
        reader = RfidReader(row, INSIDE + OUTSIDE, clock=clock, port=1)
        reader.reads.begin(said.append)
        readers.append((reader, Splitter()))
    passages: list[GatePassage] = []
    announced = Announced()
    queue = sorted(
        ((at, n, frame) for n, each in enumerate(frames) for at, frame in each), key=lambda f: f[0]
    )
    place = 0
    for tick in range((seconds + DRAIN_S) * 10):
        now = AT + timedelta(seconds=tick / 10)
        while place < len(queue) and queue[place][0] <= now:
            clock.at, n, frame = queue[place]
            reader, splitter = readers[n]
            for whole in splitter.feed(frame):
                reader.hear(decode(whole))
            place += 1
        clock.at = now
        for reader, _ in readers:
            reader.reads.tick()
        for event in said:
            if isinstance(event, TagSeen | TagGone):
                on_tag(gates[int(event.device[-1])], event, now)
        said.clear()
        passages += all_due(gates, announced, now)
    return passages


def _by_first_read(door: int, reads: list[Read]) -> Iterator[tuple[int, str, str]]:
    """The usual way: the side that read a tag first is where it came from."""
    first: dict[str, list[datetime]] = {}
    for read in reads:
        if read.rssi_dbm >= -75:
            sides = first.setdefault(read.epc_hex, [datetime.max.replace(tzinfo=UTC)] * 2)
            side = read.antenna in OUTSIDE
            sides[side] = min(sides[side], read.at)
    for epc_hex, (inside, outside) in first.items():
        if datetime.max.replace(tzinfo=UTC) not in (inside, outside) and inside != outside:
            yield door, epc_hex, "OUT" if inside < outside else "IN"


def _score(truth: Truth, told: list[tuple[int, str, str]]) -> Counter[str]:
    moves = Counter((door, epc) for door, epc, way in told if way != "AMBIGUOUS")
    right = wrong = 0
    for door, epc_hex, way in told:
        if way == "AMBIGUOUS":
            continue
        if truth.passed.get((door, epc_hex)) == way and moves[door, epc_hex] == 1:
            right += 1
        else:
            wrong += 1
    asked = sum(way == "AMBIGUOUS" for _, _, way in told)
    return Counter(tags=len(truth.passed), right=right, wrong=wrong, asked=asked)


if __name__ == "__main__":
    main()
