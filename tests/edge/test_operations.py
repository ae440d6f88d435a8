"""The edge as its people see it: asked how it is, listened to, reloaded, measured."""

import asyncio
import json
import os
import re
import signal
import stat
import sys
import urllib.request
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid1

import pytest
from typer.testing import CliRunner
from typing_extensions import override

from edge.agent import EdgeSettings
from edge.clock import SystemClock
from edge.commands import edge
from edge.control import ask, socket_of
from edge.drivers import Driver, Say
from edge.kept import InUse
from edge.mqtt import PahoBus, presence, presence_topic
from edge.ports import free_port
from edge.process import Child
from edge.reload import Changes, Reloader, changes
from edge.run import Unmeant, run_edge
from edge.site import EdgeSite, SiteFaults, read_site
from simulators.scale import ScaleServer
from tests.edge.test_agent import FakeDriver, carton, running, speak
from tests.edge.waiting import soon
from wcs.journal import Journal
from wcs.runtime import EDGE, Runtime

REPOSITORY = Path(__file__).parents[2]
RUN = "from edge.commands import edge; edge()"
SITE = """
[site]
code = "S1"
[[devices]]
name = "scale-1"
driver = "scale"
port = {0}
[[devices]]
name = "scale-2"
driver = "scale"
port = {1}
"""


@dataclass
class Running:
    """A running edge with two scales, and its people."""

    folder: Path
    site: Path
    env: Mapping[str, str]
    child: Child
    scales: tuple[ScaleServer, ScaleServer]
    metrics_port: int

    async def soko(self, *words: str) -> tuple[int, str]:
        return await soko(self.env, *words, "--site", str(self.site))

    async def status(self) -> Any:
        question = {"do": "status"}
        path = socket_of(self.folder, "S1")
        return (await asyncio.to_thread(lambda: [*ask(path, question)]))[0]["devices"]

    def logged(self, event: str) -> list[Any]:
        lines = [json.loads(line) for line in self.child.output(1_000).splitlines()]
        return [line for line in lines if line["event"] == event]


async def soko(env: Mapping[str, str], *words: str) -> tuple[int, str]:
    """The status and the output of `soko edge …`."""
    invoke = partial(CliRunner().invoke, edge, words, env=dict(env), catch_exceptions=False)
    done = await asyncio.to_thread(invoke)
    return done.exit_code, done.output


@asynccontextmanager
async def an_edge(url: str, folder: Path) -> AsyncIterator[Running]:
    async with ScaleServer() as one, ScaleServer() as two:
        site = folder / "site.toml"
        site.write_text(SITE.format(one.port, two.port))
        port = free_port()
        env = {
            "SOKO_MQTT_URL": url,
            "SOKO_STATE_DIR": str(folder),
            "SOKO_EDGE_METRICS_PORT": str(port),
            "PYTHONPATH": str(REPOSITORY),
        }
        argv = (sys.executable, "-c", RUN, "run", "--site", str(site))
        child = Child(argv, name="edge", folder=folder, env=env)
        await asyncio.to_thread(child.start)
        try:
            await soon(lambda: socket_of(folder, "S1").exists())
            yield Running(folder, site, env, child, (one, two), port)
        finally:
            assert await asyncio.to_thread(child.stop) == 0, child.output()


async def test_people_look_listen_measure_and_reload_while_it_runs(nats_url: str, tmp_path: Path):
    heard: list[bytes] = []
    async with (
        PahoBus(nats_url, client_id=f"wcs-{uuid1()}") as bus,
        an_edge(nats_url, tmp_path) as house,
    ):
        bus.subscribe(presence_topic("S1", "edge"), handler=lambda m: heard.append(m.body))
        await soon(lambda: "devices.all_up" in house.child.output(100))
        assert stat.S_IMODE(socket_of(tmp_path, "S1").stat().st_mode) == 0o600
        code, said = await house.soko("status")
        assert (code, said.count(" UP since ")) == (0, 2)

        await listened_to(house)
        await measured(house)
        await reloaded(house)
        settings = EdgeSettings(mqtt_url=nats_url, state_dir=tmp_path)
        with pytest.raises(InUse):
            await run_edge(house.site, settings, SystemClock(), real=False)
        assert heard[-1] == presence(is_up=True)
        assert house.child.pid is not None
        os.kill(house.child.pid, signal.SIGKILL)
        await soon(lambda: heard[-1] == presence(is_up=False))
        await asyncio.to_thread(house.child.stop)
        await asyncio.to_thread(house.child.start)
        await soon(lambda: heard[-1] == presence(is_up=True))
        await asyncio.to_thread(house.child.stop)
        await soon(lambda: heard[-1] == presence(is_up=False))
    assert not socket_of(tmp_path, "S1").exists()


async def listened_to(house: Running) -> None:
    listening = asyncio.create_task(house.soko("probe", "scale-1", "--seconds", "0.8"))
    moments = count()

    def weighed() -> bool:
        if (n := next(moments)) % 20 == 0:  # often enough to be heard, and to come to rest
            house.scales[0].put(900 + n)
        return listening.done()

    await soon(weighed)
    code, said = listening.result()
    assert code == 0, said
    assert "through the edge that runs here, to scale-1" in said
    assert re.search(r"scale-1 +weight.read +grams=9\d\d stable=True", said), said
    assert "scale-2" not in said


async def measured(house: Running) -> None:
    text = await asyncio.to_thread(read, f"http://127.0.0.1:{house.metrics_port}/metrics")
    assert 'soko_edge_device_up{device="scale-1",driver="scale"} 1.0' in text
    assert 'soko_edge_said_total{device="scale-1",type="weight.read"}' in text
    assert 'soko_edge_said_lag_seconds_bucket{device="scale-1",le="0.005"' in text
    assert 'soko_edge_uplink{figure="waiting"}' in text


async def reloaded(house: Running) -> None:
    house.site.write_text(house.site.read_text() + "silence_s = 2.5\n")
    assert await house.soko("reload") == (0, "changed: scale-2\n")
    await soon(lambda: house.logged("site.reloaded"))
    devices = await house.status()
    assert (devices["scale-1"]["starts_total"], devices["scale-2"]["starts_total"]) == (1, 2)

    house.site.write_text("[site]\ncode = 'S1'\n[[devices]]\nname = 'x'\ndriver = 'none'\n")
    code, said = await house.soko("reload")
    assert code == 1
    assert "no driver 'none'" in said
    assert house.child.pid is not None
    os.kill(house.child.pid, signal.SIGHUP)
    await soon(lambda: len(house.logged("site.refused")) == 2)
    assert [d["status"] for d in (await house.status()).values()] == ["UP", "UP"]

    house.site.write_text(SITE.format(*(scale.port for scale in house.scales)))


async def test_site_control_raises_an_alarm_while_the_edge_is_away(nats_url: str, tmp_path: Path):
    async with PahoBus(nats_url, client_id=f"wcs-{uuid1()}") as bus:
        text = (REPOSITORY / "simulators" / "sites" / "tokyo.toml").read_text(encoding="utf-8")
        with Journal(tmp_path / "j.journal", text) as journal:
            runtime = Runtime(journal, bus, SystemClock())
            work = asyncio.create_task(runtime.run())
            await bus.until_settled()
            topic, alarm = presence_topic("TYO1", "edge"), f"device/{EDGE}"
            bus.publish(topic, presence(is_up=False), retain=True)
            await soon(lambda: alarm in runtime.state.alarms)
            assert "does not run" in runtime.state.alarms[alarm].detail
            bus.publish(topic, presence(is_up=True), retain=True)
            await soon(lambda: alarm not in runtime.state.alarms)
            bus.publish(topic, b"", retain=True)  # for tests that follow
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


async def test_without_a_running_edge_probe_connects_by_itself(nats_url: str, tmp_path: Path):
    async with ScaleServer() as one:
        site = tmp_path / "site.toml"
        site.write_text(SITE.format(one.port, free_port()))
        env = {"SOKO_MQTT_URL": nats_url, "SOKO_STATE_DIR": str(tmp_path)}

        async def probe(*words: str) -> tuple[int, str]:
            return await soko(env, "probe", *words, "--site", str(site), "--seconds", "0.4")

        code, said = await probe("scale-1")
        assert code == 0, said
        assert "no edge of S1 runs here" in said
        assert "scale-1        UP since" in said
        code, said = await probe()
        assert code == 1, "one of them is away"
        assert "scale-2        DOWN since" in said
        assert "there is no device x; there are scale-1, scale-2" in (await probe("x"))[1]
        site.write_text(site.read_text().replace('"scale"\n', '"scale"\nmode = "real"\n', 1))
        assert await probe("scale-1") == (1, said_of_real())
        settings = EdgeSettings(mqtt_url=nats_url, state_dir=tmp_path)
        with pytest.raises(Unmeant, match="say --real"):
            await run_edge(site, settings, SystemClock(), real=False)
        assert (await probe("scale-1", "--real"))[0] == 0
        code, said = await soko(env, "status", "--site", str(site))
        assert "no edge answers at" in said


def said_of_real() -> str:
    return "scale-1: real machines, which may move; if they are meant, say --real\n"


def read(url: str) -> str:
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - our own
        text: str = answer.read().decode()
        return text


# -------------------------------------------------------------------------------- one device
def a_site(*names: str, gate: str = "", code: str = "S1", speed: int = 1) -> EdgeSite:
    rows = "".join(f'[[devices]]\nname="{n}"\ndriver="llrp"\nport=1\n' for n in names)
    rows += f'[[gates]]\nname="G"\ndevice="{gate}"\nspeed={speed}\n' if gate else ""
    return read_site(f"[site]\ncode='{code}'\n{rows}")


def test_a_device_has_changed_when_a_row_that_concerns_it_has():
    before = a_site("a", "b", "c", gate="b")
    none: frozenset[str] = frozenset()
    assert changes(before, a_site("a", "b", "c", gate="b")) == Changes(none, none, none)
    after = changes(before, a_site("a", "b", "d", gate="b", speed=2))
    assert after == Changes(frozenset("d"), frozenset("c"), frozenset("b"))


@dataclass
class Noted(FakeDriver):
    """Says when it begins and when it has ended, which takes it a moment."""

    notes: list[str] = field(default_factory=list)

    @override
    async def run(self, say: Say) -> None:
        self.notes.append("begins")
        try:
            await super().run(say)
        finally:
            for _ in range(10):
                await asyncio.sleep(0)  # it says goodbye to its device
            self.notes.append("has ended")


async def test_an_exchanged_device_ends_before_the_new_one_begins_and_the_others_run_on(
    nats_url: str, tmp_path: Path
):
    path = tmp_path / "site.toml"
    notes: list[str] = []
    a, b = FakeDriver("a"), Noted("b", notes=notes)
    async with running(nats_url, tmp_path, a, b) as house:
        code = house.agent.site.code
        path.write_text(text_of(code, "a", "b"))
        house.agent.site = read_site(path.read_text())
        fresh: dict[str, FakeDriver] = {}

        def make(_site: EdgeSite, only: Collection[str]) -> Mapping[str, Driver]:
            made = {name: Noted(name, notes=notes) for name in only}
            fresh.update(made)
            assert b.say is not None, "drivers are made before anything is stopped"
            return made

        reloader = Reloader(path, house.agent, make)
        await reloader.reload("b")
        await soon(lambda: fresh["b"].say is not None)
        assert notes == ["begins", "has ended", "begins"]
        assert (a.runs, b.runs, fresh["b"].runs) == (1, 1, 1)
        b.say = lambda _message: None  # for `make`
        path.write_text(text_of(code, "a", "c"))
        with pytest.raises(SiteFaults, match="b changed too; reload without a name"):
            await reloader.reload("c")
        await reloader.reload()
        await soon(lambda: fresh["c"].say is not None)
        assert list(house.agent.devices) == ["a", "c"]
        speak(fresh["c"], carton(7, "c"))
        await house.agent.until_delivered()
        assert house.wcs.said("b")[-1] == "DOWN"
        (last,) = [e for e in house.wcs.events if e["device"] == "b" and e.get("gone")]
        assert last["status"] == "DOWN", "and nobody waits for it any more"
        assert house.wcs.said("c") == ["UP", "carton.arrived"]
        assert a.runs == 1
        for text, fault in (
            (text_of("other", "a"), "start again"),
            (text_of(code, "a", "a"), "the name is used twice"),
        ):
            path.write_text(text)
            with pytest.raises(SiteFaults, match=fault):
                await reloader.reload()
        path.unlink()
        with pytest.raises(SiteFaults, match="No such file"):
            await reloader.reload()
        assert list(house.agent.devices) == ["a", "c"]
        speak(a, carton(8, "a"))
        await house.agent.until_delivered()


def text_of(code: str, *names: str) -> str:
    rows = "".join(f'[[devices]]\nname="{n}"\ndriver="llrp"\nport=1\n' for n in names)
    return f'[site]\ncode = "{code}"\n{rows}'
