"""One TCP connection to a PLC that speaks OSIP: telegrams in and out, faults, counts.

What the telegrams mean to a sorter or a conveyor: edge.drivers.osip. What may be sent: the types
that `writes` of the device's row names. Time-outs are real seconds.
"""

import asyncio
import socket
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, get_args

import structlog

from edge.clock import Clock
from edge.drivers import DeviceUnavailable, Say
from edge.drivers.writes import Writes
from edge.messages import DeviceStatus, ScanStatus, SortStatus
from edge.osip import LENGTH, SEQUENCES, Malformed, Splitter, Telegram, decode, encode

log = structlog.get_logger(__name__)

ERRORS: Mapping[int, str] = {
    1: "NO_READ", 2: "MULTI_READ", 3: "GAP_ERROR", 4: "OVERSIZE", 5: "OVERWEIGHT",
    10: "RECIRCULATED", 11: "LANE_FULL", 12: "LANE_DISABLED", 13: "MISSED_DIVERT",
    14: "NO_REPLY", 15: "MAX_RECIRC", 16: "NO_DATA", 17: "LOST_TRACK", 18: "JAM",
}  # fmt: skip
TYPES = ("RES_", "TIMS", "ERR_")
_CONNECT_S, _SEND_S = 3.0, 2.0


class OsipLine(ABC):
    """One connection to one PLC."""

    def __init__(self, device: Mapping[str, Any], *, clock: Clock, port: int) -> None:
        self.name: str = device["name"]
        self._clock = clock
        self._address = (device.get("host", "127.0.0.1"), port)
        self._length: int = device.get("telegram_length", LENGTH)
        self._us: str = device.get("sender", "MFC")
        self._plc: str = device.get("receiver", "PLC")
        self._errors = {**ERRORS, **{int(k): v for k, v in device.get("errors", {}).items()}}
        if unknown := {*self._errors.values()} - {*get_args(ScanStatus), *get_args(SortStatus)}:
            raise ValueError(f"{self.name}: no such statuses: {sorted(unknown)}")
        places: Mapping[str, str] = device.get("locations", {})
        self._location = dict(places)  # ours -> theirs
        self._name_of = {theirs: ours for ours, theirs in places.items()}
        self._writes = Writes(device, TYPES)
        self._say: Say | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._sequence = 0
        self._status: DeviceStatus | None = None
        self._counts = {"telegrams": 0, "malformed": 0, "skipped_bytes": 0, "connections": 0}

    async def run(self, say: Say) -> None:
        """Connect and listen until cancelled.

        Raises:
            DeviceUnavailable: the PLC cannot be reached, or not any more.
        """
        self._say, self._status = say, None
        host, port = self._address
        try:
            async with asyncio.timeout(_CONNECT_S):
                reader, self._writer = await asyncio.open_connection(host, port)
        except (OSError, TimeoutError) as error:
            raise DeviceUnavailable(self.name, f"no connection to {host}:{port}") from error
        try:
            self._writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1
            )
            self._counts["connections"] += 1
            self._tell_status("")
            await self._converse(reader)
        except (OSError, Malformed) as error:
            raise DeviceUnavailable(self.name, str(error) or type(error).__name__) from error
        finally:
            self._writer.close()
            self._writer = None

    def health(self) -> Mapping[str, float | int | str]:
        """What was counted."""
        counts: dict[str, float | int | str] = {
            f"{name}_total": count for name, count in self._counts.items()
        }
        return {**counts, "writes_refused_total": self._writes.refused}

    # ------------------------------------------------------------------------------ listening
    async def _converse(self, reader: asyncio.StreamReader) -> None:
        await self._listen(reader)

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        splitter = Splitter(self._length)
        while data := await reader.read(65_536):
            frames = splitter.feed(data)
            self._counts["skipped_bytes"] += splitter.skipped
            splitter.skipped = 0 if frames else splitter.skipped
            for frame in frames:
                self._take(frame)
        raise DeviceUnavailable(self.name, "it closed the connection")

    def _take(self, frame: bytes) -> None:
        self._counts["telegrams"] += 1
        try:
            telegram = decode(frame)
        except Malformed as error:
            self._counts["malformed"] += 1
            log.warning("osip.malformed", device=self.name, problem=str(error))
            self._send_soon("ERR_", error=1)
            return
        if telegram.type == "SYNQ":
            self._send_soon("TIMS")
        elif telegram.type == "SYSU":
            detail = f"{telegram.get('group')}: {telegram.error}" if telegram.error else ""
            self._tell_status(detail)
        elif telegram.type == "ERR_":
            log.warning("osip.refused", device=self.name, error=telegram.error)
        else:
            self._hear(telegram)

    @abstractmethod
    def _hear(self, telegram: Telegram) -> None:
        """What is of the machine's own kind."""

    def _tell_status(self, detail: str) -> None:
        assert self._say is not None
        if self._status is None or self._status.detail != detail:
            self._status = DeviceStatus(
                at=self._clock.now(),
                device=self.name,
                status="FAULT" if detail else "UP",
                detail=detail,
            )
            self._say(self._status)

    def _say_again(self) -> None:
        if self._status is not None and self._say is not None:
            self._say(self._status)

    def _status_of(self, error: int, usual: str) -> str:
        return self._errors.get(error, usual) if error else usual

    def _ours(self, location: str) -> str:
        return self._name_of.get(location, location)

    # ------------------------------------------------------------------------------ telling
    def _send_soon(
        self,
        kind: str,
        fields: Mapping[str, str] | None = None,
        sequence: int | None = None,
        *,
        error: int = 0,
    ) -> None:
        """Answer without waiting; what does not get through is asked for again."""
        if self._writer is not None and self._writes.may(kind, **(fields or {})):
            self._writer.write(self._encoded(kind, fields or {}, sequence, error))

    async def _send(self, kind: str, fields: Mapping[str, str], sequence: int) -> None:
        if not self._writes.may(kind, **fields):
            return
        if self._writer is None:
            raise DeviceUnavailable(self.name, "not connected")
        try:
            async with asyncio.timeout(_SEND_S):
                self._writer.write(self._encoded(kind, fields, sequence, 0))
                await self._writer.drain()
        except (OSError, TimeoutError) as error:
            raise DeviceUnavailable(self.name, f"{kind}: {error!r}") from error

    def _encoded(
        self, kind: str, fields: Mapping[str, str], sequence: int | None, error: int
    ) -> bytes:
        self._sequence = self._sequence % SEQUENCES + 1
        telegram = Telegram(
            type=kind,
            sender=self._us,
            receiver=self._plc,
            sequence=self._sequence if sequence is None else sequence,
            at=self._clock.now(),
            error=error,
            fields=fields,
        )
        return encode(telegram, length=self._length) + b"\r\n"
