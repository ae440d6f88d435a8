"""`soko demo`: everything at once, on this machine, without a question.

    database   PostgreSQL, embedded          serve    the WMS's HTTP side and the screens
    broker     nats-server, embedded         worker   the WMS's background side
    wcs, edge  of the hub                    sim      devices, people, carrier, shops

Each is a process of its own, kept alive: whatever is killed is started again and goes on (try
it). All share one scaled clock. The parent only starts, watches and counts; when every order has
ended it lets the parcels be delivered at a quicker pace, sums the day up, and proves the stock.

Nothing is left running: the children end with their parent, even if that is killed.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from edge.broker import broker_child
from edge.clock import ScaledClock
from edge.ports import check_port_is_free, is_ready
from edge.process import Child, Keeper
from simulators.benches import printer_ports
from simulators.load import load_world
from simulators.scenario import Scenario
from simulators.sites import make_tokyo
from simulators.sites.make_tokyo import Sorter
from simulators.summary import Summary, show

HTTP_PORT, MQTT_PORT, DATABASE_PORT, CARRIER_PORT = 8080, 18830, 15432, 8090
PAYMENTS_PORT, SMTP_PORT, MAILS_PORT = 8091, 8025, 8026
LOOK_S = 0.5  # real, between two looks at the summary
STALLED_S = 420.0  # real, without any progress: something is wrong
QUICKER = 4.0  # at night, when only vans are on the road
SPEED_MAX = 300.0
ACTIVE_S = 5.0  # real; the night begins when nothing but vans has moved for so long


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSettings:
    """What the command line says."""

    site_file: Path
    sorter: Sorter
    orders: Path | None
    count: int
    speed: float
    seed: int
    port_offset: int
    end_after_summary: bool
    summary_as_json: bool
    fresh: bool


def state_folder() -> Path:
    """Where the demo keeps its state: SOKO_STATE_DIR, or a place that suits who we are."""
    if given := os.environ.get("SOKO_STATE_DIR"):
        return Path(given).absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/soko/demo")  # where an unprivileged database can live
    return Path.home() / ".local/share/soko/demo"


class Demo:
    """One run of the demo."""

    def __init__(self, settings: DemoSettings, scenario: Scenario) -> None:
        self.settings = settings
        self.scenario = scenario
        self.console = Console(stderr=settings.summary_as_json, highlight=False)
        offset = settings.port_offset
        self.http_url = f"http://127.0.0.1:{HTTP_PORT + offset}"
        self.mqtt_port = MQTT_PORT + offset
        self.database_port = DATABASE_PORT + offset
        self.state = state_folder() / (f"ports+{offset}" if offset else "ports")
        self.day = self.state / "day"
        self.clock_file = self.day / "clock"
        self.site_file = settings.site_file

    def run(self) -> bool:
        """Play the day; True if it ended rightly and the stock is proven.

        Raises:
            PortInUse: somebody else listens on one of our ports.
            ChildFailed: a process could not be started.
        """
        began = time.monotonic()
        self._check_ports()
        if self.settings.fresh:
            shutil.rmtree(self.state, ignore_errors=True)
        shutil.rmtree(self.day, ignore_errors=True)
        self.day.mkdir(parents=True)
        if self.settings.sorter != "opcua":
            self.site_file = self.day / "site.toml"
            self.site_file.write_text(make_tokyo.text(self.settings.sorter), encoding="utf-8")
        with ExitStack() as running:
            clock = self._start(running)
            self.console.print(f"[green]✔[/] ready in {time.monotonic() - began:.0f} s", end="  ")
            self.console.print(f"speed ×{self.settings.speed:g}")
            self._print_addresses()
            summary = self._play(clock)
            verified = self._verify()
            ended_well = summary.ended_well(self.scenario) and verified
            facts = summary.facts() | {"verify": "clean" if verified else "DIFFERENCE"}
            show(self.console, facts)
            if self.settings.summary_as_json:
                print(json.dumps(facts), flush=True)  # noqa: T201 - the answer
            if not self.settings.end_after_summary:
                self._stay()
            return ended_well

    # --------------------------------------------------------------------------- starting
    def _check_ports(self) -> None:
        site = tomllib.loads(self.settings.site_file.read_text(encoding="utf-8"))
        ours = [
            HTTP_PORT,
            MQTT_PORT,
            DATABASE_PORT,
            CARRIER_PORT,
            PAYMENTS_PORT,
            SMTP_PORT,
            MAILS_PORT,
        ]
        ours += printer_ports(0).values()
        ours += [d["port"] for d in site["devices"] if d["driver"] != "vda5050" and "port" in d]
        for port in ours:
            check_port_is_free(
                port + self.settings.port_offset, use="choose others: soko demo --port-offset 100"
            )

    def _start(self, running: ExitStack) -> ScaledClock:
        """Start everything in the order in which one needs the other."""
        clock = ScaledClock.start(self.clock_file, at=self.scenario.begins_at, speed=1)
        embedded = not os.environ.get("SOKO_DATABASE_URL")
        with self._step("database ready"):
            if embedded:
                self._keep(running, "database", self._soko("db", "run"), ready=self._has_database)
            self._call("db", "create", "--fresh")
        with self._step("broker ready"):
            if not os.environ.get("SOKO_MQTT_URL"):
                running.enter_context(Keeper(broker_child(self.day, port=self.mqtt_port)))
        with self._step("WMS ready"):
            self._keep(running, "serve", self._soko("serve"), ready=self._serves)
        sites = "11 DCs and FCs, 24 stores"
        with self._step(f"world: {sites}, {len(self.scenario.skus):,} SKUs"):
            load_world(
                self.http_url,
                self.scenario.skus,
                seed=self.settings.seed,
                port_offset=self.settings.port_offset,
            )
        with self._step("worker, site control, edge, simulators"):
            site = ("--site", str(self.site_file))
            self._keep(running, "worker", self._soko("worker"))
            self._keep(running, "wcs", self._soko("wcs", "run", *site))
            clock.set_speed(self.settings.speed)  # the same file: who has it open goes along
            self._keep(running, "sim", self._soko("sim", "run", *site, *self._scenario_options()))
            self._keep(running, "edge", self._soko("edge", "run", *site))
        return clock

    def _scenario_options(self) -> list[str]:
        options = ["--seed", str(self.settings.seed), "--count", str(self.settings.count)]
        if self.settings.orders:
            options += ["--orders", str(self.settings.orders.absolute())]
        return options

    @contextmanager
    def _step(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.console.print(f"[green]✔[/] {what:<52} {time.monotonic() - began:5.1f} s")

    def _soko(self, *words: str) -> tuple[str, ...]:
        return (sys.executable, "-m", "wms.cli", *words)

    def _environment(self) -> dict[str, str]:
        offset = self.settings.port_offset
        url = f"postgresql+psycopg://soko@127.0.0.1:{self.database_port}/soko"
        return {
            "SOKO_DATABASE_URL": os.environ.get("SOKO_DATABASE_URL", url),
            "SOKO_DATABASE_DIR": str(self.state / "database"),
            "SOKO_DATABASE_PORT": str(self.database_port),
            "SOKO_MQTT_URL": os.environ.get("SOKO_MQTT_URL", f"mqtt://127.0.0.1:{self.mqtt_port}"),
            "SOKO_HTTP": self.http_url,
            "SOKO_CLOCK": str(self.clock_file),
            "SOKO_STATE_DIR": str(self.day),
            "SOKO_SITE_FILE": str(self.site_file),
            "SOKO_PORT_OFFSET": str(offset),
            "SOKO_CARRIER_PORT": str(CARRIER_PORT + offset),
            "SOKO_CARRIER_URL": f"http://127.0.0.1:{CARRIER_PORT + offset}",
            "SOKO_PAYMENTS_PORT": str(PAYMENTS_PORT + offset),
            "SOKO_PAYMENTS_URL": f"http://127.0.0.1:{PAYMENTS_PORT + offset}",
            "SOKO_SMTP_PORT": str(SMTP_PORT + offset),
            "SOKO_SMTP_URL": f"smtp://127.0.0.1:{SMTP_PORT + offset}",
            "SOKO_MAILS_PORT": str(MAILS_PORT + offset),
            "SOKO_PUBLIC_URL": self.http_url,
            "SOKO_WEBHOOKS_ALLOWED": '["127.0.0.0/8"]',
        }

    def _keep(
        self,
        running: ExitStack,
        name: str,
        argv: tuple[str, ...],
        *,
        ready: Callable[[], bool] = lambda: True,
    ) -> None:
        child = Child(
            argv,
            name=name,
            folder=self.day,
            env=self._environment(),
            ready=ready,
            ready_within_s=90,
        )
        running.enter_context(Keeper(child))

    def _call(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - ourselves
            self._soko(*words),
            env=os.environ | self._environment(),
            check=True,
            text=True,
            stdout=subprocess.PIPE,
        )

    def _has_database(self) -> bool:
        done = subprocess.run(  # noqa: S603 - ourselves
            self._soko("db", "ping"), env=os.environ | self._environment(), check=False,
            capture_output=True,
        )  # fmt: skip
        return done.returncode == 0

    def _serves(self) -> bool:
        return is_ready(HTTP_PORT + self.settings.port_offset)

    def _print_addresses(self) -> None:
        for name, path in (
            ("Control room", "/ui/control"),
            ("Stock", "/ui/stock"),
            ("Store", "/ui/store?site=S-GNZ"),
        ):
            self.console.print(f"  {name:<13} {self.http_url}{path}")
        self.console.print(f"  {'Handheld':<13} {self.http_url}/ui/h?sim=1")
        mails = MAILS_PORT + self.settings.port_offset
        self.console.print(f"  {'Mails':<13} http://127.0.0.1:{mails}/mails")
        self.console.print(f"  {'API':<13} {self.http_url}/docs")
        self.console.print(f"  {'Logs':<13} {self.day}")
        settings = self.day / "environment"
        words = (f"export {key}={shlex.quote(v)}" for key, v in self._environment().items())
        settings.write_text("\n".join(words) + "\n", encoding="utf-8")
        self.console.print(f"  {'Prove it':<13} . {settings} && {sys.executable} -m wms.cli verify")
        self.console.print("  Try: kill -9 any of the processes and watch the day go on.\n")

    # --------------------------------------------------------------------------- the day
    def _play(self, clock: ScaledClock) -> Summary:
        """Watch until every order has ended and every parcel is delivered."""
        summary, moved_at, active_at = Summary({}), time.monotonic(), time.monotonic()
        with self._progress() as show_progress:
            while not summary.is_over(self.scenario):
                time.sleep(LOOK_S)
                fresh = self._look()
                if fresh is None:
                    continue
                now = time.monotonic()
                if fresh != summary:
                    moved_at = now
                if fresh.activity(self.scenario) != summary.activity(self.scenario):
                    active_at = now
                summary = fresh
                self._pace(clock, night=summary.only_vans(self.scenario) and now - active_at > 1)
                show_progress(summary, clock)
                if now - moved_at > STALLED_S:
                    self.console.print("[red]nothing has moved for a long time; giving up[/]")
                    break
        return summary

    def _pace(self, clock: ScaledClock, *, night: bool) -> None:
        speed = self.settings.speed
        wanted = max(speed, min(speed * QUICKER, SPEED_MAX)) if night else speed
        if abs(clock.real_s(wanted) - 1) > 1e-6:
            clock.set_speed(wanted)

    def _look(self) -> Summary | None:
        with suppress(httpx2.HTTPError, ValueError):
            answer = httpx2.get(f"{self.http_url}/console/v1/summary", timeout=10)
            if answer.status_code == 200:
                return Summary(answer.json())
        return None

    @contextmanager
    def _progress(self) -> Iterator[Callable[[Summary, ScaledClock], None]]:
        bar = Progress(
            TextColumn("{task.description:<9}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        totals = {"orders": self.scenario.documents, "lines": self.scenario.lines}
        with bar:
            rows = {
                name: bar.add_task(name, total=totals.get(name), note="")
                for name in ("orders", "lines", "parcels")
            }
            told_at = 0.0

            def update(summary: Summary, clock: ScaledClock) -> None:
                nonlocal told_at
                at = clock.now().astimezone(self.scenario.begins_at.tzinfo)
                bar.update(rows["orders"], completed=summary.documents, note=f"{at:%H:%M}")
                note = f"{summary['robot_missions']} robot missions"
                bar.update(rows["lines"], completed=summary.lines_ended, note=note)
                note = f"{summary['parcels_delivered']} delivered"
                bar.update(
                    rows["parcels"],
                    completed=summary["parcels_shipped"],
                    total=summary["parcels"],
                    note=note,
                )
                if not self.console.is_terminal and time.monotonic() - told_at > 15:
                    told_at = time.monotonic()
                    self.console.print(f"  {at:%H:%M}  {summary.in_a_line()}")

            yield update

    def _verify(self) -> bool:
        done = subprocess.run(  # noqa: S603 - ourselves
            self._soko("verify"), env=os.environ | self._environment(), check=False,
            stdout=sys.stderr if self.settings.summary_as_json else None,
        )  # fmt: skip
        return done.returncode == 0

    def _stay(self) -> None:
        self.console.print("The site stays open. Press Ctrl-C to end.")
        while True:
            time.sleep(60)
