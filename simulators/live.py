"""`soko sim run`: every model behind its real protocol, and people and shops behind HTTP.

    robots      VDA 5050 over MQTT             simulators.live_robots
    conveyor    Modbus TCP, OPC UA sorter      simulators.live_conveyor
    gates       LLRP, Impinj and Zebra JSON    simulators.live_rfid, simulators.live_json_readers
    benches     MT-SICS scales, ZPL printers   simulators.benches
    people      the handheld's HTTP API        simulators.people, simulators.store, simulators.world
    suppliers   the inbound API, and trucks    simulators.trucks, simulators.yard
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
from edge.mqtt import Bus, PahoBus
from simulators.benches import Benches, printer_ports
from simulators.carrier import CarrierApi, CarrierServer
from simulators.customers import Customers
from simulators.eyes import HubEyes
from simulators.live_conveyor import LiveConveyor
from simulators.live_json_readers import R700, ZebraFx, to_bus
from simulators.live_rfid import LlrpReader
from simulators.live_robots import run_robots
from simulators.mailbox import Mailbox
from simulators.memory import Memory
from simulators.network import HUB, PLACES
from simulators.oms import OrderSystem
from simulators.payments import PaymentsApi, PaymentsServer
from simulators.people import Operator, Worker
from simulators.reader import GateReader
from simulators.rfid import gate_of
from simulators.scenario import Scenario
from simulators.store import KINDS, Clerk
from simulators.trucks import trucks_of
from simulators.wire import client_of
from simulators.world import World
from simulators.yard import Yard

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
    team += [Operator("sort-1", HUB, ("putwall",))]
    bench = ("return", "receive", "putback", "replenish", "putaway", "count")
    team += [Operator("bench-1", HUB, bench)]
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
        bus = PahoBus(settings.mqtt_url, client_id=f"readers-{site['site']['code']}")
        bus = await stack.enter_async_context(bus)
        gates: dict[str, GateReader] = {
            gate["name"]: await stack.enter_async_context(_reader(site, gate, clock, settings, bus))
            for gate in site["gates"]
        }
        scales = {
            row["name"]: row["port"] + settings.port_offset
            for row in site["devices"]
            if row["driver"] == "scale"
        }
        benches = Benches(scales, printer_ports(settings.port_offset), client)
        await stack.enter_async_context(benches)
        eyes = HubEyes(list(scenario.skus), benches, client).see
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
        yard = Yard(
            trucks_of(
                scenario.skus,
                begins_at=scenario.begins_at,
                ends_at=scenario.ends_at,
                seed=settings.seed,
            ),
            gate=gates["GATE-DOCK"],
            benches=benches,
            client=client,
            clock=clock,
            memory=memory,
            hands=world.hands,
            eyes=eyes,
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
            tasks.create_task(yard.run())
            tasks.create_task(oms.run())
            tasks.create_task(customers.run())
            for place in PLACES:
                if place.kind == "STORE":
                    tasks.create_task(Clerk(place.code, client, clock, world.hands, eyes).run())
            for operator in staff([station["name"] for station in site["stations"]]):
                tasks.create_task(Worker(operator, client, clock, world.hands, eyes).run())


def _reader(
    site: Mapping[str, Any], gate: Mapping[str, Any], clock: Clock, settings: SimSettings, bus: Bus
) -> LlrpReader | R700 | ZebraFx:
    """The reader of a gate, of the make that its row in the site file says."""
    device = next(d for d in site["devices"] if d["name"] == gate["device"])
    config = gate_of(inside=tuple(gate["inside"]), outside=tuple(gate["outside"]))
    match device["driver"]:
        case "impinj":
            return R700(clock, seed=settings.seed, config=config, bus=bus, topic=device["topic"])
        case "zebra":
            tell = to_bus(bus, device["topic"])
            return ZebraFx(clock, tell, seed=settings.seed, config=config)
        case _:
            port = device["port"] + settings.port_offset
            return LlrpReader(device["host"], port, clock, seed=settings.seed, config=config)
