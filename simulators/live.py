"""`soko sim run`: every model behind its real protocol, and people and shops behind HTTP.

    robots      VDA 5050 over MQTT             simulators.live_robots
    conveyor    Modbus TCP, OPC UA sorter      simulators.live_conveyor
    gates       LLRP readers                   simulators.live_rfid
    people      the handheld's HTTP API        simulators.people, simulators.store, simulators.world
    carrier     its own HTTP API               simulators.carrier
    payments    its own HTTP API               simulators.payments
    mail        SMTP, and a list to read       simulators.mailbox
    shops       the OMS API                    simulators.oms
    customers   their mail, and the counter    simulators.customers

The process may be killed at any moment; started again it goes on with the same world.
"""

import asyncio
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from edge.clock import Clock
from simulators.carrier import CarrierApi, CarrierServer
from simulators.customers import Customers
from simulators.live_conveyor import LiveConveyor
from simulators.live_rfid import LlrpReader
from simulators.live_robots import run_robots
from simulators.mailbox import Mailbox
from simulators.memory import Memory
from simulators.network import HUB, PLACES
from simulators.oms import OrderSystem
from simulators.payments import PaymentsApi, PaymentsServer
from simulators.people import Operator, Worker
from simulators.rfid import gate_of
from simulators.scenario import Scenario
from simulators.store import KINDS, Clerk
from simulators.wire import client_of
from simulators.world import World

log = structlog.get_logger()

PACKERS = 5
SHELF_PICKERS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SimSettings:
    """Where everything is."""

    site_file: Path
    state_dir: Path
    http_url: str
    mqtt_url: str
    port_offset: int
    carrier_port: int
    payments_port: int
    smtp_port: int
    mails_port: int
    seed: int


def staff(stations: Sequence[str]) -> list[Operator]:
    """Who works where: the hub's teams, and one person at every other site but the stores."""
    team = [Operator(f"st-{s.lower()}", HUB, ("pick",), s) for s in stations]
    team += [Operator(f"pick-{n}", HUB, ("pick",)) for n in range(1, SHELF_PICKERS + 1)]
    team += [Operator(f"pack-{n}", HUB, ("pack", "load")) for n in range(1, PACKERS + 1)]
    team += [Operator("bench-1", HUB, ("return", "receive", "putback", "replenish"))]
    spokes = (place.code for place in PLACES if place.code != HUB and place.kind != "STORE")
    return team + [Operator(f"op-{code.lower()}", code, KINDS) for code in spokes]


async def run(settings: SimSettings, scenario: Scenario, clock: Clock) -> None:
    """Play the world until cancelled."""
    site = tomllib.loads(settings.site_file.read_text(encoding="utf-8"))
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    memory = Memory(settings.state_dir / "world.db")
    carrier = CarrierApi(Memory(settings.state_dir / "carrier.db"), clock, seed=settings.seed)
    server = CarrierServer(carrier, settings.carrier_port)
    server.start()
    provider = PaymentsServer(
        PaymentsApi(Memory(settings.state_dir / "payments.db"), seed=settings.seed, chance=True),
        settings.payments_port,
    )
    provider.start()
    mailbox = Mailbox(smtp_port=settings.smtp_port, http_port=settings.mails_port)
    async with AsyncExitStack() as stack:
        for stop in (server.stop, provider.stop, mailbox.stop):
            stack.callback(stop)
        client = await stack.enter_async_context(client_of(settings.http_url))
        gates = {
            gate["name"]: await stack.enter_async_context(_reader(site, gate, clock, settings))
            for gate in site["gates"]
        }
        conveyor = await stack.enter_async_context(
            LiveConveyor.from_site(
                site,
                site["conveyors"][0]["device"],
                clock=clock,
                state_dir=settings.state_dir,
                on_lane=lambda _lane, _code: None,  # the dock looks at the lanes itself
                port_offset=settings.port_offset,
            )
        )
        world = World(
            conveyor=conveyor,
            gate_in=gates["GATE-IN"],
            gate_out=gates["GATE-OUT"],
            carrier=carrier,
            client=client,
            memory=memory,
            clock=clock,
        )
        oms = OrderSystem(scenario.calls, client, clock, memory)
        customers = Customers(scenario.collected, lambda: mailbox.mails, client, clock, memory)
        log.info("sim.ready", robots=len(site["robots"]), calls=len(scenario.calls))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(
                run_robots(
                    site,
                    settings.mqtt_url,
                    clock=clock,
                    state_dir=settings.state_dir,
                    seed=settings.seed,
                )
            )
            tasks.create_task(world.run())
            tasks.create_task(oms.run())
            tasks.create_task(customers.run())
            for place in PLACES:
                if place.kind == "STORE":
                    tasks.create_task(Clerk(place.code, client, clock, world.hands).run())
            for operator in staff([station["name"] for station in site["stations"]]):
                tasks.create_task(Worker(operator, client, clock, world.hands).run())


def _reader(
    site: Mapping[str, Any], gate: Mapping[str, Any], clock: Clock, settings: SimSettings
) -> LlrpReader:
    device = next(d for d in site["devices"] if d["name"] == gate["device"])
    return LlrpReader(
        device["host"],
        device["port"] + settings.port_offset,
        clock,
        seed=settings.seed,
        config=gate_of(inside=tuple(gate["inside"]), outside=tuple(gate["outside"])),
    )
