"""Damaged frames of every protocol: refused by name, quickly, in little memory, by nobody else.

A protocol is one line of `PROTOCOLS`: right frames, what reads one, and how that refuses. By day
some hundreds of mutants each, by night ten thousand.
"""

import asyncio
import json
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from pydantic import TypeAdapter, ValidationError

from edge import osip
from edge.batches import Ack, Malformed, decode_ack, decode_batch, encode_ack, encode_batch
from edge.clock import SystemClock
from edge.drivers import DeviceUnavailable, impinj, json_reads, zebra
from edge.drivers import llrp as llrp_codec
from edge.drivers.around import Around
from edge.drivers.llrp import Splitter, decode
from edge.drivers.llrp_encode import encode
from edge.drivers.llrp_messages import (
    AddRospec,
    Kind,
    ReaderEvent,
    Reply,
    Rospec,
    TagRead,
    TagReport,
    Versions,
)
from edge.drivers.scale import read_weight
from edge.drivers.sorter_wire import Block, Record, decode_block, encode_block
from edge.drivers.vda5050 import RobotSession
from edge.epc import decode_epc
from edge.messages import (
    CancelDrive,
    CartonScanned,
    DeviceEvent,
    Divert,
    Drive,
    DriveNode,
    RobotReport,
    WeightRead,
    device_command,
    device_event,
)
from edge.stamp import stamped
from tests.edge.mutants import mutants
from tests.edge.vda5050_pair import NAME
from tests.night import by_night
from wcs.intake import Intake

AT = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
MEMORY_MAX = 16_000_000  # bytes, for one frame of some kilobytes
SLOW_S = 1.0  # of this process's own time
SIZES = [100, by_night(10_000)]


# ------------------------------------------------------------------------------ right frames
def scan(tracking: int) -> bytes:
    event = CartonScanned(
        at=AT, device="s1", tracking=tracking, status="GOOD", barcode="00340123450000000018"
    )
    return stamped(device_event.dump_json(event), boot="b", up_s=1.0, shift_s=None)


def batches() -> list[bytes]:
    head = {"boot": "b", "up_s": 5.5, "shift_s": 0.0}
    return [
        encode_batch("e" * 36, 4, [scan(1), scan(2), b"{}"], head),
        encode_batch("e" * 36, 1, []),
        encode_ack(Ack("e" * 36, 7, AT, "b", 5.5)),
    ]


def commands() -> list[bytes]:
    node = DriveNode(node="P1", sequence=0, released=True, x_m=1.0, y_m=2.0)
    said: list[Any] = [
        Divert(device="s1", tracking=7, lane="L1", expires_at=AT),
        Drive(robot="R1", mission="m", update=3, nodes=(node, node)),
        CancelDrive(robot="R1", mission="m", command=UUID(int=1)),
    ]
    return [device_command.dump_json(each) for each in said]


def llrp_frames() -> list[bytes]:
    tag = TagRead(epc_hex="3114257BF4499602D2000000", antenna=1, rssi_dbm=-50)
    said: list[Any] = [
        TagReport(tags=(tag, tag)),
        ReaderEvent(at_us=1, connection=0, antenna=(1, True)),
        Reply(kind=Kind.ADD_ROSPEC_RESPONSE, id=3, status=100, text="no"),
        AddRospec(id=1, rospec=Rospec(rospec_id=7, antennas=(1, 3))),
        Versions(id=2, current=1, supported=2),
    ]
    return [encode(each) for each in said]


def robot_words() -> list[bytes]:
    node = {"nodeId": "P2", "sequenceId": 2, "released": True, "nodePosition": {"x": 1, "y": 2}}
    state = {
        "headerId": 1, "timestamp": "2026-11-27T09:00:00.00Z", "version": "2.1.0",
        "manufacturer": "m", "serialNumber": "1", "orderId": "o", "orderUpdateId": 0,
        "lastNodeId": "P1", "lastNodeSequenceId": 0, "nodeStates": [node], "edgeStates": [],
        "driving": True, "actionStates": [{"actionId": "a", "actionStatus": "RUNNING"}],
        "batteryState": {"batteryCharge": 80.0, "charging": False}, "operatingMode": "AUTOMATIC",
        "errors": [{"errorType": "x", "errorLevel": "WARNING"}], "loads": [{"loadId": "t"}],
        "safetyState": {"eStop": "NONE", "fieldViolation": False},
        "agvPosition": {"x": 1.0, "y": 2.0, "theta": 0.1, "mapId": "m",
                        "positionInitialized": True},
    }  # fmt: skip
    sheet = {
        "headerId": 1, "version": "2.1.0", "physicalParameters": {"speedMax": 2.0},
        "protocolFeatures": {"agvActions": [{"actionType": "pick", "actionScopes": ["NODE"]}]},
        "protocolLimits": {"timing": {"minStateInterval": 1.0}},
    }  # fmt: skip
    connection = {"headerId": 2, "connectionState": "ONLINE", "version": "2.1.0"}
    return [json.dumps(each).encode() for each in (state, sheet, connection)]


def registers() -> list[bytes]:
    record = Record(9, 1, 0, 70_000, 0, 2, 15, "00340123450000000018")
    words = encode_block(Block(6, 1, 1, 0, 0, (record, record)))
    return [b"".join(word.to_bytes(2, "big") for word in words)]


def telegrams() -> list[bytes]:
    fields = {"barcode": "4711", "actualLocation": "FGIN"}
    request = osip.Telegram(
        type="REQ_", sender="SPS03", receiver="MFC", sequence=1, at=AT,
        fields={name: fields.get(name, "") for name in osip.FIELDS["REQ_"]},
    )  # fmt: skip
    return [osip.encode(request)]


def impinj_events() -> list[bytes]:
    tag = {
        "epcHex": "3114257BF4499602D2000000", "antennaPort": 1, "peakRssiCdbm": -4100,
        "lastSeenTime": "2026-11-27T09:00:00Z",
    }  # fmt: skip
    base64 = {"epc": "MRQle_RJlgLSAAAA", "antennaPort": 2}
    said = [
        {"timestamp": "2026-11-27T09:00:00Z", "tagInventoryEvent": tag},
        {"timestamp": "2026-11-27T09:00:00Z", "tagInventoryEvent": base64},
        {"antennaConnectedEvent": {"antennaPort": 3}},
        {"inventoryStatusEvent": {"inventoryStatus": "running"}},
    ]
    return [json.dumps(each).encode() for each in (*said, said)]


def zebra_events() -> list[bytes]:
    tag = {"idHex": "3114257bf4499602d2000000", "antenna": 1, "peakRssi": -50, "reads": 2}
    simple = {"type": "SIMPLE", "timestamp": "2026-11-27T09:00:00Z", "data": {**tag, "eventNum": 7}}
    many = {"type": "dataEVT", "data": {"eventNum": 8, "tagData": [tag, tag]}}
    return [json.dumps(each).encode() for each in (simple, many, {"type": "GPI", "pin": 1})]


# ------------------------------------------------------------------------------ what reads them
def read_llrp(frame: bytes) -> list[object]:
    return [decode(each) for each in Splitter().feed(frame)]


def read_osip(frame: bytes) -> list[object]:
    return [osip.decode(each) for each in osip.Splitter().feed(frame)]


def read_block(frame: bytes) -> Block:
    words = [int.from_bytes(frame[n : n + 2], "big") for n in range(0, len(frame) - 1, 2)]
    return decode_block([*words, *[0] * 200])


def read_stream(frame: bytes) -> object:
    with suppress(Malformed):
        return decode_ack(frame)
    return decode_batch(frame)


def hear_robot(frame: bytes) -> RobotReport | None:
    session = RobotSession(NAME)
    for topic in ("state", "connection", "factsheet", "visualization"):
        session.hear(topic, frame, AT)
    return session.report(AT, 30.0)


def inner(driver: str, name: str) -> TypeAdapter[Any]:
    adapter: TypeAdapter[Any] = getattr(import_module(f"edge.drivers.{driver}"), name)
    return adapter


class Protocol(NamedTuple):
    """What is fuzzed."""

    frames: Callable[[], Sequence[bytes]]
    read: Callable[[bytes], object]
    refuses: tuple[type[Exception], ...]  # and nothing else is ever raised


PROTOCOLS = {
    "stream": Protocol(batches, read_stream, (Malformed,)),
    "command": Protocol(commands, device_command.validate_json, (ValidationError,)),
    "event": Protocol(lambda: [scan(1)], device_event.validate_json, (ValidationError,)),
    "llrp": Protocol(llrp_frames, read_llrp, (llrp_codec.Malformed,)),
    "vda5050": Protocol(robot_words, hear_robot, ()),
    "epc": Protocol(
        lambda: [
            bytes.fromhex("3114257BF4499602D2000000"),
            bytes.fromhex("F73795211411234538566C"),
        ],
        lambda frame: decode_epc(frame.hex().upper()),
        (),
    ),
    "impinj": Protocol(impinj_events, impinj.read, (json_reads.Malformed,)),
    "zebra": Protocol(zebra_events, zebra.read, (json_reads.Malformed,)),
    "lights": Protocol(
        lambda: [json.dumps({"press": 7, "units": 2, "command": str(UUID(int=1))}).encode()],
        lambda frame: inner("lights", "_pressed").validate_json(frame),
        (ValidationError,),
    ),
    "modbus registers": Protocol(registers, read_block, ()),
    "scale": Protocol(
        lambda: [b"S S     0.912 kg", b"S I", b"S D    12.5 lb"],
        lambda frame: read_weight(frame.decode("ascii", errors="replace")),
        (ValueError,),
    ),
    "osip": Protocol(telegrams, read_osip, (osip.Malformed,)),
    "opcua payload": Protocol(
        lambda: [
            json.dumps(
                {
                    "sequence": 1,
                    "kind": "SCANNED",
                    "at": "2026-11-27T09:00:00Z",
                    "tracking": 7,
                    "lap": 0,
                    "status": "GOOD",
                    "barcode": "1",
                }
            ).encode()
        ],
        lambda frame: inner("opcua", "_confirmation").validate_json(frame),
        (ValidationError,),
    ),
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_damaged_frame_is_refused_by_name_in_little_time_and_memory(name: str, count: int):
    protocol = PROTOCOLS[name]
    right = protocol.frames()
    for frame in right:
        protocol.read(frame)  # the right ones are right
    refused = 0
    tracemalloc.start()
    try:
        for frame in mutants(right, count, seed=count):
            tracemalloc.reset_peak()
            before, begun_s = tracemalloc.get_traced_memory()[0], time.process_time()
            try:
                protocol.read(frame)
            except protocol.refuses:
                refused += 1
            took_s = time.process_time() - begun_s
            assert tracemalloc.get_traced_memory()[1] - before < MEMORY_MAX, frame[:300]
            assert took_s < SLOW_S, frame[:300]
    finally:
        tracemalloc.stop()
    assert refused > count // 20 or not protocol.refuses, "mutants that hurt nobody prove nothing"


@pytest.mark.parametrize("count", SIZES)
def test_the_intake_loses_no_good_batch_among_damaged_ones(count: int):
    intake = Intake(lambda _stream: {})
    taken: list[Any] = []
    for number, frame in enumerate(mutants(batches()[:2], count, seed=1), 1):
        intake.hear("edge", frame, AT)
        assert intake.hear("edge", encode_batch("good", number, [scan(number)]), AT)
        found = intake.take()
        taken += [e.tracking for e in found.inbox if isinstance(e, CartonScanned)][-1:]
        assert found.acks["edge", "good"].seq == number
    assert taken == list(range(1, count + 1))
    assert intake.malformed > count // 20


# --------------------------------------------------------------------- real drivers, real sockets
class Liar:
    """A device that says one damaged thing after the other, a connection each."""

    def __init__(self, frames: Sequence[bytes], seed: int) -> None:
        self._left = mutants(frames, 10_000, seed=seed)
        self._first = frames[0]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Say it and hang up."""
        with suppress(OSError):
            writer.write(next(self._left, self._first))
            await writer.drain()
            writer.write_eof()
            await reader.read(1_000)
        writer.close()


@asynccontextmanager
async def listening(serve: Any) -> AsyncIterator[int]:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


class Honest:
    """A scale that counts."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Say one gram more each time, until they hang up."""
        with suppress(OSError):
            await reader.readline()
            for grams in range(1, 1_000_000):
                writer.write(b"S S %d g\r\n" % grams)
                await writer.drain()
                await asyncio.sleep(0.001)
        writer.close()
        self.gone.set()


OPCUA_ACK = b"ACKF\x1c\x00\x00\x00" + bytes(4) + b"\xff\xff\x00\x00" * 2 + bytes(8)
MODBUS_REPLY = bytes.fromhex("00010000001101030E" + "0003000100000007" + "000000000000")
# module, settings, what is damaged, conversations by day
LIVE: dict[str, tuple[str, dict[str, Any], Callable[[], Sequence[bytes]], int]] = {
    "llrp": ("edge.drivers.rfid", {}, llrp_frames, 8),
    "scale": ("edge.drivers.scale", {}, lambda: [b"S S     0.912 kg\r\n", b"S I\r\n"], 5),
    "osip": ("edge.drivers.osip", {}, telegrams, 5),
    "modbus": ("edge.drivers.modbus", {}, lambda: [MODBUS_REPLY, MODBUS_REPLY[:9]], 1),
    "opcua": ("edge.drivers.opcua", {"security": "None", "insecure": True}, lambda: [OPCUA_ACK], 1),
}
TABLES = {
    "site": {"code": "T"},
    "conveyors": [{"device": "liar", "point": "P", "to": "liar"}],
    "sorters": [{"device": "liar", "lanes": ["L1"], "hospital": "HOSP"}],
    "gates": [],
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("times", [1, by_night(60)])
@pytest.mark.parametrize("name", LIVE)
async def test_a_device_that_talks_nonsense_is_unavailable_and_its_neighbour_is_heard(
    name: str, times: int, tmp_path: Path
):
    module, settings, frames, conversations = LIVE[name]
    heard: list[int] = []
    more = asyncio.Event()

    def hear(event: DeviceEvent | RobotReport) -> None:
        if isinstance(event, WeightRead):
            heard.append(event.grams)
            more.set()

    def make(module: str, row: dict[str, Any]) -> Any:
        return import_module(module).make(
            row, Around(clock=SystemClock(), site=TABLES, state_dir=tmp_path)
        )

    honest, liar = Honest(), Liar(frames(), times)
    async with listening(liar.serve) as port, listening(honest.serve) as other:
        neighbour = make("edge.drivers.scale", {"name": "scale", "port": other})
        task = asyncio.create_task(neighbour.run(hear))
        driver = make(module, {"name": "liar", "port": port, **settings})
        for _ in range(conversations * times):
            with pytest.raises(DeviceUnavailable):
                async with asyncio.timeout(20):
                    await driver.run(lambda _event: None)
            more.clear()
            await more.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await honest.gone.wait()
    assert heard == list(range(1, len(heard) + 1))
