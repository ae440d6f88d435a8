"""A robot that is not ours: the PyPI SDK `vda5050`, its client and its executor."""

import asyncio
from typing import Any

from typing_extensions import override
from vda5050.client.agv.client import VehicleClient
from vda5050.client.agv.executor import OrderExecutor
from vda5050.config import VehicleConfig
from vda5050.model.common import Action
from vda5050.model.order import Order
from vda5050.model.state import Load

from tests.edge.vda5050_live import SPEED, PahoTransport


class ForeignRobot:
    """The SDK `vda5050` as a robot: its client accepts orders, its executor drives them."""

    def __init__(self, url: str, row: dict[str, Any], site: dict[str, Any]) -> None:
        self.client = VehicleClient(
            VehicleConfig(
                manufacturer=row["manufacturer"],
                serial_number=row["serial"],
                state_interval=30.0 / SPEED,  # it counts real seconds, its masters those of a_clock
            ),
            transport=PahoTransport(url),
        )
        self._start = next(p for p in site["points"] if p["name"] == row["start"])
        self._map = site["site"]["code"]
        self._orders: asyncio.Queue[Order] = asyncio.Queue()
        self.loads: list[str] = []

    async def run(self) -> None:
        """Carry out one order after the other."""
        async with self.client as client:
            client.update_position(
                x=self._start["x_m"], y=self._start["y_m"], theta=0.0, map_id=self._map
            )
            client.on_order(self._orders.put_nowait)
            executor = _Hands(client.publisher, node_delay=0.02, action_delay=0.02)
            executor.loads = self.loads
            while True:
                await executor.run(await self._orders.get())


class _Hands(OrderExecutor):
    loads: list[str]

    @override
    async def run_action(self, action: Action, **where: Any) -> None:
        await super().run_action(action, **where)
        load = next(p.value for p in action.action_parameters or [] if p.key == "loadId")
        self.loads.append(f"{action.action_type} {load}")
        carried = [Load(load_id=str(load))] if action.action_type == "pick" else []
        self._publisher.set_loads(carried)
