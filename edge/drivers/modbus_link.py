"""Registers of a PLC over Modbus TCP: read in one block, written one list-checked name at a time.

Registers have names, and each name an address; `[devices.registers]` of the site file may give
another than the usual one. Two-register numbers: high word first. Modbus knows neither password
nor encryption: keep it on the machines' own network. Time-outs are real seconds.

Source: Modbus Application Protocol 1.1b3.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from edge.drivers import DeviceUnavailable
from edge.drivers.writes import Writes

if TYPE_CHECKING:
    from pymodbus.client import AsyncModbusTcpClient

_ANSWER_S = 1.0
_T = TypeVar("_T")


class Registers:
    """The registers of one device. `open` before anything else."""

    def __init__(
        self, device: Mapping[str, Any], usual: Mapping[str, int], writes: Writes, *, port: int
    ) -> None:
        """`usual`: where each register lies unless the site file says otherwise.

        Raises:
            ValueError: the site file names a register that there is not.
        """
        self.device: str = device["name"]
        moved = device.get("registers", {})
        if unknown := set(moved) - set(usual):
            raise ValueError(f"{self.device}: no such registers: {sorted(unknown)}")
        self._at = {**usual, **moved}
        self._address = (device.get("host", "127.0.0.1"), port)
        self._unit: int = device.get("unit", 1)
        self._writes = writes
        self._client: AsyncModbusTcpClient | None = None
        self.exchanges = 0

    async def open(self) -> None:
        """Connect.

        Raises:
            DeviceUnavailable: nobody answers there.
        """
        from pymodbus.client import AsyncModbusTcpClient  # noqa: PLC0415 - only who connects pays

        host, port = self._address
        self._client = AsyncModbusTcpClient(
            host, port=port, timeout=_ANSWER_S, retries=0, reconnect_delay=0
        )
        if not await _heeding_cancel(self._client.connect()):
            self.close()
            raise DeviceUnavailable(self.device, f"no connection to {host}:{port}")

    def close(self) -> None:
        """Hang up. Harmless when there is no connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    @property
    def is_open(self) -> bool:
        """Whether there is a connection."""
        return self._client is not None

    async def read(self, name: str, count: int) -> list[int]:
        """`count` registers from that one on.

        Raises:
            DeviceUnavailable: no connection, no answer, or an exception answer.
        """
        return await self._exchange(self._at[name], count=count)

    async def read_named(self, sizes: Mapping[str, int]) -> dict[str, int]:
        """The numbers of these registers (name -> how many words), in one request.

        Raises:
            DeviceUnavailable: as for `read`.
        """
        first = min(self._at[name] for name in sizes)
        end = max(self._at[name] + size for name, size in sizes.items())
        words = await self._exchange(first, count=end - first)
        at = {name: self._at[name] - first for name in sizes}
        return {
            name: words[at[name]] if size == 1 else words[at[name]] << 16 | words[at[name] + 1]
            for name, size in sizes.items()
        }

    async def write(self, name: str, words: list[int]) -> None:
        """Write from that register on, in one request.

        Raises:
            TagRefused: it is not on the list of the site file.
            DeviceUnavailable: as for `read`.
        """
        self._writes.check(name)
        await self._exchange(self._at[name], words=words)

    async def _exchange(
        self, address: int, *, count: int = 0, words: list[int] | None = None
    ) -> list[int]:
        from pymodbus.exceptions import ModbusException  # noqa: PLC0415

        client = self._client
        if client is None or not client.connected:
            raise DeviceUnavailable(self.device, "not connected")
        self.exchanges += 1
        try:
            if words is not None:
                asked = client.write_registers(address, words, device_id=self._unit)
            else:
                asked = client.read_holding_registers(address, count=count, device_id=self._unit)
            pdu = await _heeding_cancel(asked)
        except (ModbusException, OSError, TimeoutError) as error:
            raise DeviceUnavailable(self.device, f"register {address}: {error}") from error
        if pdu.isError() or (words is None and len(pdu.registers) != count):
            raise DeviceUnavailable(self.device, f"register {address}: {pdu}")
        return list(pdu.registers)


async def _heeding_cancel(answer: Awaitable[_T]) -> _T:
    """The answer, unless we were cancelled while we waited for it.

    pymodbus waits by `asyncio.wait_for`, which before Python 3.12 forgets a cancellation that comes
    together with the answer (CPython issue 86296): who cancelled us would wait for us for ever.
    """
    task = asyncio.current_task()
    assert task is not None
    before = task.cancelling()
    try:
        return await answer
    finally:
        if task.cancelling() > before:
            raise asyncio.CancelledError
