r"""A scale over TCP that speaks MT-SICS: what lies on it, said when it changes.

    SIR\r\n  ->  S S     0.912 kg\r\n      at rest
                 S D     0.455 kg\r\n      in motion
                 S I                       not now (it is being started, or in a menu)
                 S + / S -                 too much, too little: below zero

It is asked once for weights without end (`SIR`), and says one several times a second. Said on are
only changes: a weight at rest that is another than before, and that what was at rest moves. A scale
that says nothing for `_SILENCE_S` is asked again, and is `DeviceUnavailable` if it stays silent.

Grams; scales that count in kg, g, lb or oz are read as what they mean. Time-outs are real seconds.
No encryption and no password: keep it on the machines' own network.

Source: MT-SICS reference manual, level 0: S, SI, SIR.
"""

import asyncio
import re
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any

from edge.clock import Clock
from edge.drivers import DeviceUnavailable, Driver, Say
from edge.drivers.around import Around
from edge.messages import DeviceCommand, DeviceStatus, TellAgain, WeightRead

GRAMS = {"g": Decimal(1), "kg": Decimal(1000), "lb": Decimal("453.59237"),
         "oz": Decimal("28.349523125")}  # fmt: skip
_CONNECT_S, _SILENCE_S, _LINE_MAX = 3.0, 3.0, 200
_WEIGHT = re.compile(r"^S ([SD])\s+(-?\d+(?:\.\d+)?)\s*([A-Za-z]+)$")
_NOT_NOW = re.compile(r"^S [I+-]\s*$")


def make(device: Mapping[str, Any], around: Around) -> Driver:
    """The driver of one `[[devices]]` row."""
    return SicsScale(device, clock=around.clock, port=around.port(device))


def read_weight(line: str) -> tuple[int, bool] | None:
    """Grams and whether they are at rest; None: the scale cannot say now.

    Raises:
        ValueError: that is not what a scale says.
    """
    found = _WEIGHT.match(line)
    if found is None:
        if _NOT_NOW.match(line):
            return None
        raise ValueError(f"not a weight: {line!r}")
    rest, number, unit = found.groups()
    if unit not in GRAMS:
        raise ValueError(f"no such unit: {unit!r}")
    try:
        grams = (Decimal(number) * GRAMS[unit]).quantize(Decimal(1), ROUND_HALF_EVEN)
    except InvalidOperation as error:
        raise ValueError(f"not a weight: {line!r}") from error
    return int(grams), rest == "S"


class SicsScale:
    """One scale."""

    def __init__(self, device: Mapping[str, Any], *, clock: Clock, port: int) -> None:
        self.name: str = device["name"]
        self._clock = clock
        self._address = (device.get("host", "127.0.0.1"), port)
        self._silence_s: float = device.get("silence_s", _SILENCE_S)
        self._said: tuple[int, bool] | None = None
        self._lines = self._weights = 0

    async def run(self, say: Say) -> None:
        """Connect and listen until cancelled.

        Raises:
            DeviceUnavailable: the scale cannot be reached, or is silent.
        """
        host, port = self._address
        try:
            async with asyncio.timeout(_CONNECT_S):
                reader, writer = await asyncio.open_connection(host, port, limit=_LINE_MAX)
        except (OSError, TimeoutError) as error:
            raise DeviceUnavailable(self.name, f"no connection to {host}:{port}") from error
        self._said = None
        try:
            writer.write(b"SIR\r\n")
            await writer.drain()
            await self._listen(reader, writer, say)
        except (OSError, ValueError) as error:
            raise DeviceUnavailable(self.name, str(error) or type(error).__name__) from error
        finally:
            writer.close()

    async def tell(self, command: DeviceCommand) -> None:
        """Say the present weight again when asked; a scale obeys nothing else."""
        if isinstance(command, TellAgain):
            self._said = None

    def health(self) -> Mapping[str, float | int | str]:
        """Lines heard, weights said, and what lies on it."""
        grams, stable = self._said or (0, False)
        return {
            "lines_total": self._lines,
            "weights_total": self._weights,
            "grams": grams,
            "at_rest": int(stable),
        }

    async def _listen(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, say: Say
    ) -> None:
        asked_again = is_up = False
        while True:
            try:
                async with asyncio.timeout(self._silence_s):
                    line = await reader.readline()
            except TimeoutError:
                if asked_again:
                    raise DeviceUnavailable(self.name, "it is silent") from None
                asked_again = True
                writer.write(b"SIR\r\n")
                await writer.drain()
                continue
            if not line.endswith(b"\n"):
                raise DeviceUnavailable(self.name, "it closed the connection")
            asked_again = False
            self._lines += 1
            weight = read_weight(line.decode("ascii", errors="replace").strip())
            if not is_up:
                say(DeviceStatus(at=self._clock.now(), device=self.name, status="UP"))
                is_up = True
            self._hear(weight, say)

    def _hear(self, weight: tuple[int, bool] | None, say: Say) -> None:
        """Say a weight at rest that is new, and once that it moves."""
        said = weight if weight is not None else (0, False)
        grams, stable = said
        if (
            self._said is not None
            and self._said[1] == stable
            and (not stable or said == self._said)
        ):
            return
        self._said = said
        self._weights += 1
        say(WeightRead(at=self._clock.now(), device=self.name, grams=grams, stable=stable))
