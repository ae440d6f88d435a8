"""The handheld as a person feels it: first screen, next screen, the queue; on a slow device.

    usable_ms   from an empty browser to the first button, at 360 x 640, CPU 4 times slower, 150 ms
                to the server
    screen_ms   from the last key of a right scan to the next step on the screen (median, worst of
                the scans of a pick), without the network
    flush_s     200 events that were queued without Wi-Fi, until the server has answered them

    python -m benchmarks.handheld [--json]

The server is the stage of the tests (the reducer, no database); the browser is Debian's chromium.
Limits: 2 s, 150 ms, 5 s; the size has its own (tests/web/test_build.py). Needs the packages of the
tests, and the screens built.
"""

import argparse
import json
import statistics
import sys
import time
from dataclasses import asdict, dataclass

from playwright.sync_api import CDPSession, Page, sync_playwright

from tests.web.browser import CHROMIUM, FLAGS, StageHand, staging
from tests.web.stage_work import packet_of
from wms.work.packet import Expect, Quantity, Say, Step

SIZE = {"width": 360, "height": 640}
SLOWER, LATENCY_MS, BYTES_PER_S = 4, 150, 1_250_000
SCANS, QUEUED = 24, 200
USABLE_MS, SCREEN_MS, FLUSH_S = 2000, 150, 5.0
# In the page: the time from the key that ends a scan to the paint of another step.
WATCH = """
window.took = [];
window.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  const start = performance.now();
  const step = () => document.querySelector("[data-testid=task]")?.dataset.step ?? "done";
  const before = step();
  const look = () => {
    if (step() !== before) window.took.push(performance.now() - start);
    else if (performance.now() - start < 3000) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}, true);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was measured."""

    usable_ms: float
    screen_ms_median: float
    screen_ms_worst: float
    flush_s: float

    @property
    def is_good(self) -> bool:
        """Within the limits."""
        quick = self.usable_ms <= USABLE_MS and self.screen_ms_worst <= SCREEN_MS
        return quick and self.flush_s <= FLUSH_S


def measure(slower: int = SLOWER, scans: int = SCANS, queued: int = QUEUED) -> Figures:
    """All figures, on a stage of our own."""
    with staging() as address, sync_playwright() as playwright:
        stage = StageHand(address)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(viewport=SIZE, has_touch=True, locale="ja-JP")  # type: ignore[arg-type]
        context.add_init_script("localStorage.setItem('soko.scanner', 'enter')")
        page = context.new_page()
        line = context.new_cdp_session(page)
        usable_ms = first_screen(line, page, f"{address}/ui/h?kinds=pick", slower)
        took = next_screens(stage, page, scans)
        line.send("Emulation.setCPUThrottlingRate", {"rate": 1})
        flush_s = queue(stage, page, line, queued)
        browser.close()
    return Figures(
        usable_ms=round(usable_ms, 1),
        screen_ms_median=round(statistics.median(took), 1),
        screen_ms_worst=round(max(took), 1),
        flush_s=round(flush_s, 2),
    )


def first_screen(line: CDPSession, page: Page, url: str, slower: int) -> float:
    """Milliseconds from the address to the first button, on a slow device and line."""
    line.send("Emulation.setCPUThrottlingRate", {"rate": slower})
    line.send("Network.enable")
    conditions(line, latency_ms=LATENCY_MS)
    start = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.get_by_test_id("next").wait_for()
    usable_ms = 1000 * (time.perf_counter() - start)
    conditions(line)
    return usable_ms


def conditions(line: CDPSession, *, latency_ms: int = 0, offline: bool = False) -> None:
    """The network from now on."""
    line.send(
        "Network.emulateNetworkConditions",
        {
            "offline": offline,
            "latency": latency_ms,
            "downloadThroughput": BYTES_PER_S,
            "uploadThroughput": BYTES_PER_S,
        },
    )


def next_screens(stage: StageHand, page: Page, scans: int) -> list[float]:
    """Milliseconds from each right scan to the next step."""
    places = tuple(
        Step(
            id=f"{number}.place",
            op="scan",
            say=Say(code="pick.scan_location"),
            big=f"A-{number:02}",
            expect=(Expect(kind="location", codes=(f"A-{number:02}-01",)),),
        )
        for number in range(scans)
    )
    stage.hand_in(packet_of(1, "pick", places))
    page.get_by_test_id("next").click()
    page.get_by_test_id("task").wait_for()
    page.evaluate(WATCH)
    for number in range(scans):
        page.keyboard.type(f"A-{number:02}-01")
        page.keyboard.press("Enter")
        page.wait_for_function(f"window.took.length > {number}")
    took: list[float] = page.evaluate("window.took")
    return took


def queue(stage: StageHand, page: Page, line: CDPSession, queued: int) -> float:
    """Seconds until the server has answered what was queued without Wi-Fi."""
    step = Step(
        id="tags",
        op="count",
        say=Say(code="pick.scan_item", params={"units": queued}),
        big=str(queued),
        expect=(Expect(kind="serial"),),
        qty=Quantity(target=queued, max=queued, distinct=True),
    )
    stage.hand_in(packet_of(2, "count", (step,)))
    page.locator("[data-view=work] [data-step=tags]").wait_for()  # it comes by itself
    conditions(line, offline=True)
    for number in range(queued):
        page.keyboard.type(f"SN-{number:04}")
        page.keyboard.press("Enter")
    page.wait_for_selector(f"[data-testid=net][data-pending='{queued}']")
    conditions(line)
    start = time.perf_counter()
    page.wait_for_selector("[data-testid=net][data-pending='0']")
    return time.perf_counter() - start


def main() -> int:
    """Measure and say."""
    parser = argparse.ArgumentParser(description="The handheld as a person feels it.")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    as_json: bool = parser.parse_args().json
    figures = measure()
    if as_json:
        print(json.dumps({"benchmark": "handheld", **asdict(figures)}))
    else:
        for name, value in asdict(figures).items():
            print(f"{name:>18} {value}")
    return 0 if figures.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
