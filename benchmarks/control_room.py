"""The control room as a person sees it: 500 robots, ten pictures a second, in a real browser.

    a played WCS ─pictures─> broker ─> soko serve ─events─> /ui/control in Debian's chromium
    the same     ─alarms──> database: a hundred in ten seconds, with their cause

    fps                  pictures the browser drew in a second, the median of the seconds
    fps_worst            the worst of these seconds
    main_share           of the time, what the page's main thread worked: CPU (CDP TaskDuration)
    script_share         of that, what was JavaScript
    frames_per_s         pictures of the site that came
    kb_per_s             bytes of them
    flood_alarms, flood_rows   alarms that stood, and rows that they took on the list
    baseline_*           the same page and robots, all of them standing, one picture a second

    python -m benchmarks.control_room [--json] [--seconds 20] [--robots 500]

Limits: 50 fps, 30 % of the main thread, on two cores with everything else on them as well; a flood
is one row. Needs the packages of the tests and the screens built. It draws without a graphics card.
"""

import argparse
import json
import math
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, Page, sync_playwright

from edge.broker import broker_child, url_of
from edge.mqtt import BlockingBus, frame_topic
from tests.web.browser import CHROMIUM, FLAGS, free_port, running
from wcs.messages import Alarm
from wms.control.alarms import note
from wms.database import Database
from wms.ids import derive
from wms.migrations import upgrade
from wms.outbound.tell import report
from wms.postgres import EmbeddedPostgres
from wms.sites import site_id

SITE, PER_S = "BIG1", 10
COLUMNS, ROWS, WIDE_M, DEEP_M = 50, 30, 4.0, 3.5
SPEED_MPS, AHEAD = 1.5, 12
FPS_MIN, SHARE_MAX, FLOOD = 50.0, 0.30, 100
SIZE = {"width": 1440, "height": 810}
COUNT = """() => {
  window.drawn = [];
  const tick = (now) => { window.drawn.push(now); requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
}"""
CAME = """() => {
  window.came = [0, 0];
  const before = EventSource.prototype.addEventListener;
  EventSource.prototype.addEventListener = function (name, then) {
    before.call(this, name, (event) => {
      if (name === "frame" || name === "moved") {
        window.came[0] += 1;
        window.came[1] += event.data.length;
      }
      then(event);
    });
  };
}"""


def site_file(folder: Path, robots: int) -> Path:
    """A grid of aisles as large as the fleet needs."""
    lines = [f'[site]\ncode = "{SITE}"\nname_en = "Large hub"\nname_ja = "大型ハブ"\n']
    for column in range(COLUMNS):
        for row in range(ROWS):
            kind = "storage" if row % 6 and column % 2 else "lane"
            x_m, y_m = column * WIDE_M, row * DEEP_M
            lines.append(
                f'[[points]]\nname = "{_name(column, row)}"\nx_m = {x_m}\ny_m = {y_m}\n'
                f'kind = "{kind}"\n'
            )
            for to in ((column + 1, row), (column, row + 1)):
                if to[0] < COLUMNS and to[1] < ROWS:
                    ends = f'from = "{_name(column, row)}"\nto = "{_name(*to)}"'
                    lines.append(f"[[paths]]\n{ends}\ntwo_way = true\n")
    lines += [f'[[robots]]\nname = "R-{n:03}"\nstart = "{_name(0, 0)}"\n' for n in range(robots)]
    lines.append('[[devices]]\nname = "fleet"\ndriver = "vda5050"\n')
    path = folder / "site.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def _name(column: int, row: int) -> str:
    return f"P{column:02}-{row:02}"


class Fleet:
    """Robots that go about on the grid for ever."""

    def __init__(self, robots: int, seed: int = 1) -> None:
        self._chance = random.Random(seed)
        starts = [(c, r) for c in range(COLUMNS) for r in range(ROWS)]
        self._here = self._chance.sample(starts, robots)
        self._ways = [self._way(here) for here in self._here]
        self._done_m = [0.0] * robots

    def _way(self, here: tuple[int, int]) -> list[tuple[int, int]]:
        goal = self._chance.randrange(COLUMNS), self._chance.randrange(ROWS)
        way = []
        while here != goal:
            column, row = here
            if column != goal[0]:
                here = column + (1 if goal[0] > column else -1), row
            else:
                here = column, row + (1 if goal[1] > row else -1)
            way.append(here)
        return way

    def drive(self, seconds: float) -> None:
        """Everybody goes on."""
        for n in range(len(self._here)):
            left_m = SPEED_MPS * seconds + self._done_m[n]
            while self._ways[n] and left_m >= (leg := self._leg_m(n)):
                left_m -= leg
                self._here[n] = self._ways[n].pop(0)
            self._done_m[n] = left_m if self._ways[n] else 0.0
            if not self._ways[n]:
                self._ways[n] = self._way(self._here[n])

    def _leg_m(self, n: int) -> float:
        return WIDE_M if self._here[n][0] != self._ways[n][0][0] else DEEP_M

    def frame(self, at: datetime) -> bytes:
        """The picture now, as a WCS publishes it."""
        robots = [self._told(n) for n in range(len(self._here))]
        picture = {
            "type": "site.frame", "at": at.isoformat(), "site": SITE, "robots": robots,
            "cartons": [], "transports_open": len(robots), "lanes": [], "alarms": [], "stops": [],
        }  # fmt: skip
        return json.dumps(picture).encode()

    def _told(self, n: int) -> dict[str, Any]:
        (column, row), way = self._here[n], self._ways[n]
        x_m, y_m, turn = column * WIDE_M, row * DEEP_M, 0.0
        if way:
            share = self._done_m[n] / self._leg_m(n)
            right, up = way[0][0] - column, way[0][1] - row
            x_m, y_m = x_m + right * WIDE_M * share, y_m + up * DEEP_M * share
            turn = math.atan2(up, right)
        state = "FAULT" if n % 97 == 0 else "WAITING" if n % 11 == 0 else "DRIVING"
        return {
            "robot": f"R-{n:03}", "x_m": round(x_m, 3), "y_m": round(y_m, 3),
            "heading_rad": round(turn, 3), "state": state, "battery": 0.7,
            "load": f"T-{n}" if n % 2 else None, "transport": f"01a0-{n:04}",
            "route": [_name(*each) for each in way[:AHEAD]], "paused": False, "why": "",
        }  # fmt: skip


@contextmanager
def driving(broker: str, robots: int) -> Iterator[threading.Event]:
    """Pictures on the broker; set the event, and all stand: a picture a second."""
    over, still = threading.Event(), threading.Event()

    def tell() -> None:
        fleet, due = Fleet(robots), time.monotonic()
        with BlockingBus(broker, client_id="played-wcs") as bus:
            while not over.wait(max(0.0, due - time.monotonic())):
                due = max(due + (1.0 if still.is_set() else 1 / PER_S), time.monotonic() - 1)
                if not still.is_set():
                    fleet.drive(1 / PER_S)
                bus.publish(frame_topic(SITE), fleet.frame(datetime.now(UTC)), qos=0, retain=True)  # noqa: TID251 - this is the clock of a site

    thread = threading.Thread(target=tell)
    thread.start()
    try:
        yield still
    finally:
        over.set()
        thread.join(10)


def watch(page: Page, line: CDPSession, seconds: float) -> dict[str, float]:
    """What the page does for a while."""
    page.evaluate("window.drawn = []")
    began_s = time.monotonic()
    came, before = page.evaluate("window.came"), _metrics(line)
    page.wait_for_timeout(1000 * seconds)
    after, more = _metrics(line), page.evaluate("window.came")
    drawn: list[float] = page.evaluate("window.drawn")
    whole = time.monotonic() - began_s
    spans = [0] * max(1, int((drawn[-1] - drawn[0]) / 1000))
    for at in drawn:
        n = int((at - drawn[0]) / 1000)
        if n < len(spans):
            spans[n] += 1
    return {
        "fps": float(statistics.median(spans)),
        "fps_worst": float(min(spans)),
        "main_share": round((after["TaskDuration"] - before["TaskDuration"]) / whole, 3),
        "script_share": round((after["ScriptDuration"] - before["ScriptDuration"]) / whole, 3),
        "frames_per_s": round((more[0] - came[0]) / whole, 2),
        "kb_per_s": round((more[1] - came[1]) / whole / 1000, 1),
    }


def _metrics(line: CDPSession) -> dict[str, float]:
    told = line.send("Performance.getMetrics")["metrics"]
    return {one["name"]: float(one["value"]) for one in told}


def flood(database: Database, at: datetime) -> None:
    """The edge goes away, and with it a hundred robots within ten seconds."""
    hub = site_id(SITE)
    told = [("device.down", "edge", 1, at)] + [
        ("robot.silent", f"R-{n:03}", 2, at + timedelta(seconds=n / 10)) for n in range(FLOOD - 1)
    ]
    for code, source, priority, when in told:
        id_ = derive(hub, code, source)
        alarm = Alarm(at=when, id=f"{code}/{source}", source=source, code=code,
                      priority=priority, active=True)  # type: ignore[arg-type]  # fmt: skip

        def work(session: Any, id_: Any = id_, alarm: Alarm = alarm) -> None:
            note(session, hub, id_, alarm)
            report(session, hub, id_, code=alarm.code, source=alarm.source, facts={},
                   at=alarm.at, priority=alarm.priority)  # fmt: skip

        database.run(work)


def measure(seconds: float, robots: int) -> dict[str, float]:
    """All figures, on a server, a database and a broker of our own."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        postgres = stack.enter_context(EmbeddedPostgres(folder / "postgres"))
        upgrade(postgres.url)
        database = Database(postgres.url, pool_size=1)
        stack.callback(database.close)
        port, http = free_port(), free_port()
        stack.enter_context(broker_child(folder / "broker", port=port))
        address = stack.enter_context(
            running(
                ["-m", "wms.cli", "serve"],
                http,
                SOKO_DATABASE_URL=postgres.url,
                SOKO_MQTT_URL=url_of(port),
                SOKO_HTTP=f"http://127.0.0.1:{http}",
                SOKO_SITE_FILE=str(site_file(folder, robots)),
                SOKO_LOG_LEVEL="WARNING",
            )
        )
        still = stack.enter_context(driving(url_of(port), robots))
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        stack.callback(browser.close)
        page = browser.new_context(viewport=SIZE).new_page()  # type: ignore[arg-type]
        page.add_init_script(f"({CAME})()")
        line = page.context.new_cdp_session(page)
        line.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.goto(f"{address}/ui/control?lang=en")
        page.locator("[data-testid=fleet] [data-robot]").first.wait_for()
        page.evaluate(COUNT)
        page.wait_for_timeout(3000)
        moving = watch(page, line, seconds)
        flood(database, datetime.now(UTC) - timedelta(seconds=10))  # noqa: TID251
        page.locator("[data-alarm='device.down/edge'] .under", has_text=str(FLOOD - 1)).wait_for()
        rows = page.locator("[data-testid=alarms] > ol > li").count()
        under = page.locator("[data-alarm='device.down/edge'] .under").inner_text()
        still.set()
        page.wait_for_timeout(2000)
        standing = watch(page, line, max(3.0, seconds / 3))
    shown = 1 + int("".join(letter for letter in under if letter.isdigit()))
    baseline = {f"baseline_{key}": value for key, value in standing.items()}
    return moving | {"robots": robots, "flood_alarms": shown, "flood_rows": rows} | baseline


def main() -> int:
    """Print the figures; 1 if they are not good enough."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--robots", type=int, default=500)
    asked = parser.parse_args()
    figures = measure(asked.seconds, asked.robots)
    for key, value in figures.items():
        print(f"{key:24} {value}", file=sys.stderr if asked.json else sys.stdout)
    if asked.json:
        print(json.dumps(figures))
    good = figures["fps"] >= FPS_MIN and figures["main_share"] <= SHARE_MAX
    return 0 if good and figures["flood_rows"] == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
