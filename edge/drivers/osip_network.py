"""A network of conveyors whose PLC speaks OSIP telegrams over TCP (edge.osip).

    REQ_  a unit at a node, which asks by which belt    -> UnitScanned      belt -> RES_ (target)
    UPD_  a unit at an exit, or seen where none is asked -> UnitScanned
    LOCU  a belt has stopped or runs again               -> BeltChanged

Nodes and belts are those of the site file whose `device` this is; `[devices.locations]` names the
PLC's location of each, where it is called otherwise. The sequence number of a telegram is the
tracking number of its unit at that node. Of a belt, error 0 says that it is open, "JAM" and
"LANE_FULL" (edge.drivers.osip_line) what they say, everything else that it stands.

Laws:
    once        a REQ_ that is repeated is said once; it gets its answer again, if there was one
    what is     of each belt the latest word is kept, and said again to a WCS that has started
    not late    a route that has expired is not sent: the PLC has sent that unit on by itself

What passes while the WCS is away goes the way the PLC has for it. That no unit is asked for again
once it was answered is why an answer needs no acknowledgement.
"""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import structlog
from typing_extensions import override

from edge.clock import Clock
from edge.drivers.osip_line import OsipLine
from edge.machine_messages import BeltChanged, RouteUnit, UnitScanned
from edge.messages import DeviceCommand, ScanStatus, TellAgain
from edge.osip import SEQUENCES, Telegram

log = structlog.get_logger(__name__)

_SCANS: Mapping[str, ScanStatus] = {status: status for status in get_args(ScanStatus)}
_UNREADABLE = ("NO_READ", "MULTI_READ")
_KEPT = 10_000  # requests that can still be answered


class OsipNetwork(OsipLine):
    """The nodes and belts of one PLC."""

    def __init__(
        self,
        device: Mapping[str, Any],
        nodes: Sequence[Mapping[str, Any]],
        belts: Sequence[Mapping[str, Any]],
        *,
        clock: Clock,
        port: int,
    ) -> None:
        super().__init__(device, clock=clock, port=port)
        self._nodes = {row.get("name") for row in nodes if row.get("device") == self.name}
        self._belts = {row.get("name") for row in belts if row.get("end") in self._nodes}
        self._asked: dict[tuple[str, int], Telegram] = {}  # by node and sequence, oldest first
        self._latest: dict[str, Telegram] = {}  # REQ_ of each node
        self._answered: dict[tuple[str, int], str] = {}
        self._state: dict[str, BeltChanged] = {}

    async def tell(self, command: DeviceCommand) -> None:
        """Send a unit on by a belt, or say again how the belts are.

        Raises:
            DeviceUnavailable: there is no connection.
        """
        if isinstance(command, TellAgain):
            self._say_again()
            if self._say is not None:
                for said in self._state.values():
                    self._say(said)
        elif isinstance(command, RouteUnit):
            key = (command.node, command.tracking)
            if self._clock.now() >= command.expires_at or key not in self._asked:
                log.info("route.gone", device=self.name, node=key[0], tracking=key[1])
                return
            self._answered[key] = command.belt
            await self._answer(key)
        else:
            log.warning("network.refused", device=self.name, command=command.type)

    async def _answer(self, key: tuple[str, int]) -> None:
        fields, sequence = self._response(key)
        await self._send("RES_", fields, sequence)

    def _response(self, key: tuple[str, int]) -> tuple[Mapping[str, str], int]:
        asked, belt = self._asked[key], self._answered[key]
        fields = {"barcode": asked.get("barcode"), "actual": asked.get("actual")}
        return {**fields, "target": self._location.get(belt, belt)}, asked.sequence % SEQUENCES + 1

    @override
    def _hear(self, telegram: Telegram) -> None:
        if telegram.type in {"REQ_", "UPD_"}:
            self._passed(telegram)
        elif telegram.type == "LOCU":
            self._changed(telegram)

    def _passed(self, telegram: Telegram) -> None:
        assert self._say is not None
        node, barcode = self._ours(telegram.get("actual")), telegram.get("barcode")
        status = _SCANS.get(self._status_of(telegram.error, "GOOD"))
        if node not in self._nodes or not barcode or status is None:
            self._counts["malformed"] += 1
            self._send_soon("ERR_", error=1)
            return
        key = (node, telegram.sequence)
        if telegram.type == "REQ_":
            before = self._latest.get(node)
            if before is not None and _is_same(before, telegram):
                if key in self._answered:  # it has not heard our answer
                    self._send_soon("RES_", *self._response(key))
                return
            self._remember(key, telegram)
        self._say(
            UnitScanned(
                at=self._clock.now(),
                device=self.name,
                node=node,
                tracking=telegram.sequence,
                status=status,
                barcode=None if status in _UNREADABLE else barcode,
            )
        )

    def _changed(self, telegram: Telegram) -> None:
        assert self._say is not None
        belt = self._ours(telegram.get("actual"))
        if belt not in self._belts:
            self._counts["malformed"] += 1
            self._send_soon("ERR_", error=1)
            return
        status = self._status_of(telegram.error, "OPEN")
        said = self._state[belt] = BeltChanged(
            at=self._clock.now(),
            device=self.name,
            belt=belt,
            status="OPEN" if not telegram.error
            else "JAM" if status == "JAM"
            else "FULL" if status == "LANE_FULL"
            else "STOPPED",
        )  # fmt: skip
        self._say(said)

    def _remember(self, key: tuple[str, int], telegram: Telegram) -> None:
        self._latest[key[0]] = self._asked[key] = telegram
        self._answered.pop(key, None)
        while len(self._asked) > _KEPT:
            oldest = next(iter(self._asked))
            del self._asked[oldest]
            self._answered.pop(oldest, None)


def _is_same(one: Telegram, other: Telegram) -> bool:
    return (one.sequence, one.fields) == (other.sequence, other.fields)
