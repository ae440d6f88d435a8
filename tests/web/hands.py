"""Somebody with a handheld in a browser, who scans; and a film of the screens that they see.

hand = hands.at("pick")                 a page of 360 x 640 that asks for that kind of work
hand.take(); hand.scan("S01-01", "TEA", "TEA"); hand.done()
hand.refused("S01-02", "wrong_scan"); hand.odd("short", 1); hand.say("OK"); hand.typed(12)

Each kind of screen is looked at once: nothing to scroll sideways, no code without a word in the
language of the page, nothing serious for axe. Its picture goes on the film (flow-NAME-LANG-N.png).
"""

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, expect

from tests.web.browser import ROOT, SHOTS, Opener
from tests.web.test_handheld import scan
from tests.web.test_handheld_steps import press, sent

SIZE = {"width": 360, "height": 640}
AXE = ROOT / "web/node_modules/axe-core/axe.min.js"
COLUMNS, ROWS = 4, 2  # of a sheet of film
TYPED_FROM, STEPS_MAX = 6, 80
CODE = re.compile(r"^[a-z][a-z0-9]*([._][a-z0-9]+)+$")
IN_HAND = """(step) => new Promise((tell, fail) => {
  const open = indexedDB.open("soko-handheld");
  open.onerror = () => fail(open.error);
  open.onsuccess = () => {
    const of = open.result.transaction("open").objectStore("open")
      .get(localStorage.getItem("soko.packet") ?? "");
    of.onerror = () => fail(of.error);
    of.onsuccess = () => {
      open.result.close();
      tell(of.result?.steps.find((each) => each.id === step) ?? null);
    };
  };
})"""
WORDS = ".verb, dt, legend, .message, [data-exception], [data-start], .strip h1, .done"
MOVED = """(before) => {
  const hand = document.querySelector(".handheld").dataset;
  const task = document.querySelector("[data-testid=task]")?.dataset;
  const moved = hand.view !== "work" || `${task?.step} ${task?.at}` !== before;
  return hand.asking === "false" && moved;
}"""
SCREEN = """() => {
  const of = (each, name) => document.querySelector(each)?.dataset[name] ?? "";
  const verb = document.querySelector(".verb")?.textContent ?? "";
  return [of(".handheld", "view"), of("[data-testid=task]", "op"), of("[data-sheet]", "sheet"),
    of("[data-testid=problem]", "code"), of("[data-said]", "said"),
    document.querySelector(".strip h1")?.firstChild?.textContent,
    verb.replace(/[0-9]+/g, "0")].join("|");
}"""
SERIOUS = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations
  .filter((each) => ["serious", "critical"].includes(each.impact))
  .map((each) => [each.id, each.nodes.map((node) => node.html)])"""


class Film:
    """Every kind of screen of a flow once, in the order in which they were seen."""

    def __init__(self, name: str, *, axe: bool = True) -> None:
        self.name, self.axe = name, axe
        self.frames: list[Image.Image] = []
        self._seen: set[str] = set()

    def look(self, page: Page, note: str = "") -> None:
        """At this screen, if it is a new one."""
        screen = page.evaluate(SCREEN) + note
        if screen in self._seen:
            return
        self._seen.add(screen)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= SIZE["width"], f"{screen}: {wide} px"
        said = [each.strip() for each in page.locator(WORDS).all_inner_texts()]
        assert not [each for each in said if CODE.match(each)], f"{screen}: no words: {said}"
        self.frames.append(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))
        if self.axe:
            if not page.evaluate("'axe' in window"):
                page.add_script_tag(path=AXE)
            assert page.evaluate(SERIOUS) == [], screen

    def keep(self) -> list[Path]:
        """Write the film down, a sheet of frames after the other."""
        SHOTS.mkdir(exist_ok=True)
        kept = []
        a_sheet = COLUMNS * ROWS
        for number, start in enumerate(range(0, len(self.frames), a_sheet), start=1):
            frames = self.frames[start : start + a_sheet]
            wide, high = SIZE["width"] + 8, SIZE["height"] + 8
            rows = -(-len(frames) // COLUMNS)
            sheet = Image.new("RGB", (wide * min(len(frames), COLUMNS), high * rows), "#8a9199")
            for at, frame in enumerate(frames):
                sheet.paste(frame, (4 + wide * (at % COLUMNS), 4 + high * (at // COLUMNS)))
            kept.append(SHOTS / f"flow-{self.name}-{number}.png")
            sheet.save(kept[-1])
        return kept


class Hand:
    """A person, a device, a page."""

    def __init__(self, page: Page, film: Film, *, device: str, operator: str) -> None:
        self.page, self.film, self.device, self.operator = page, film, device, operator

    # -------------------------------------------------------------------------------- work
    def take(self) -> None:
        """The next work there is."""
        self.page.get_by_test_id("next").click()
        self._begun()

    def start(self, code: str, kind: str) -> None:
        """Scan something at the start, and begin work of that kind with it."""
        scan(self.page, code)
        self.page.locator(f"[data-start={kind}]").wait_for()
        self.film.look(self.page, kind)
        self.page.locator(f"[data-start={kind}]").click()
        self._begun()

    def done(self, *, home: bool = True) -> None:
        """The packet is finished, and the server has it all."""
        # It says so for 2.5 s, then looks for more by itself: a busy machine may see only that.
        expect(self.page.locator("[data-view=done], [data-view=looking]")).to_be_visible()
        self.film.look(self.page)
        sent(self.page)
        if home:
            self.home()

    def home(self) -> None:
        """Back to where a shift begins."""
        scan(self.page, "CMD:BACK")
        expect(self.page.get_by_test_id("next")).to_be_visible()

    # ------------------------------------------------------------------------------- deeds
    def scan(self, *codes: str) -> None:
        """Codes that are wanted, one after the other."""
        for code in codes:
            self._moves(lambda code=code: scan(self.page, code))  # type: ignore[misc]

    def refused(self, code: str, problem: str) -> None:
        """A code that is not wanted; what is wrong is said."""
        scan(self.page, code)
        said = self.page.get_by_test_id("problem")
        expect(said).to_have_attribute("data-code", problem)
        expect(self.page.locator(".handheld")).to_have_attribute("data-asking", "false")
        self.film.look(self.page)

    def odd(self, code: str, found: int | None = None) -> None:
        """Something is wrong: the sheet, its tile, and how many are good."""
        scan(self.page, "CMD:HELP")
        tile = self.page.locator(f"[data-exception={code}]")
        tile.wait_for()
        self.film.look(self.page, self.step)
        if found is None:
            self._moves(tile.click)
            return
        tile.click()
        self.page.locator("[data-sheet=found]").wait_for()
        self.film.look(self.page, code)
        press(self.page, str(found))
        self._moves(self.page.get_by_test_id("keypad-ok").click)

    def call(self) -> None:
        """Somebody should come."""
        scan(self.page, "CMD:CALL")
        expect(self.page.locator("[data-said='h.called']")).to_be_visible()
        self.film.look(self.page)

    def say(self, choice: str) -> None:
        """A tile."""
        self._moves(self.page.locator(f"[data-choice={choice}]").click)

    def typed(self, units: int) -> None:
        """How many, on the keys: on the screen, or those that come when the number is held."""
        if self.page.locator(".keys").count() == 0:
            self.page.get_by_test_id("big").dispatch_event("pointerdown")
            self.page.locator("[data-sheet=type]").wait_for()
            self.film.look(self.page)
        press(self.page, str(units))
        self._moves(self.page.get_by_test_id("keypad-ok").click)

    def check(self, digits: str) -> None:
        """The digits on a place instead of its code."""
        self.page.get_by_test_id("other-ways").click()
        self.film.look(self.page)
        self.page.get_by_test_id("check").click()
        self.film.look(self.page)
        self._moves(lambda: press(self.page, digits))

    def confirm(self) -> None:
        """The main button, by its command."""
        self.scan("CMD:DONE")

    def undo(self) -> None:
        """The last deed was none."""
        self.scan("CMD:UNDO")

    def photo(self, path: Path) -> None:
        """A picture."""
        self._moves(lambda: self.page.get_by_test_id("photo").set_input_files(path))

    # ------------------------------------------------------------------------- what is seen
    @property
    def step(self) -> str:
        """The step on the screen."""
        return self.page.get_by_test_id("task").get_attribute("data-step") or ""

    @property
    def big(self) -> str:
        """The one big thing."""
        return self.page.get_by_test_id("big").inner_text()

    def fact(self, label: str, value: str) -> None:
        """That fact stands on the screen."""
        expect(self.page.locator(f'[data-fact="{label}"] dd')).to_have_text(value)

    def at(self, step: str) -> None:
        """That step is on the screen."""
        expect(self.page.get_by_test_id("task")).to_have_attribute("data-step", step)

    def counts(self, units: int) -> None:
        """So many are counted."""
        expect(self.page.get_by_test_id("count")).to_have_text(str(units))

    def wanted(self) -> dict[str, Any]:
        """The step on the screen as the device keeps it."""
        kept = self.page.wait_for_function(IN_HAND, arg=self.step).json_value()
        return dict(kept)

    def code(self) -> str:
        """The first code that is wanted here."""
        return str(next(code for each in self.wanted()["expect"] for code in each["codes"]))

    # ---------------------------------------------------------------------------- the usual
    def go_on(self) -> None:
        """What this step wants, done as usual."""
        step = self.wanted()
        codes = [code for each in step["expect"] for code in each["codes"]]
        qty = step["qty"]
        if step["op"] in {"confirm", "print"} or (qty and qty["open"]):
            self.confirm()
        elif step["op"] == "choose":
            self.say(codes[0])
        elif not qty:
            self.scan(codes[0])
        elif qty["distinct"]:
            self.scan(*codes[: qty["target"]])
        elif qty["target"] < TYPED_FROM:
            left = qty["target"] - int(self.page.get_by_test_id("count").inner_text())
            self.scan(*codes[:1] * left)
        else:
            self.scan(codes[0])
            self.typed(qty["target"])

    def until(self, *kinds: str) -> str:
        """Go on as usual to a step of one of these ("slot", "zero"; "": the end); which it is."""
        for _ in range(STEPS_MAX):
            is_over = self.page.locator(".handheld").get_attribute("data-view") != "work"
            kind = "" if is_over else self.step.rpartition(".")[2]
            if kind in kinds:
                return kind
            assert not is_over, f"no step {kinds}"
            self.go_on()
        raise AssertionError("it does not end")

    def _begun(self) -> None:
        self.page.wait_for_selector("[data-view=work]")
        self.film.look(self.page)

    def _moves(self, deed: Callable[[], object]) -> None:
        task = self.page.get_by_test_id("task")
        before = f"{task.get_attribute('data-step')} {task.get_attribute('data-at')}"
        deed()
        self.page.wait_for_function(MOVED, arg=before)
        self.film.look(self.page)


class Hands:
    """Devices at a site of a Soko that is up, all of one flow and one language."""

    def __init__(self, soko: str, open_page: Opener, film: Film, site: str, lang: str) -> None:
        self._soko, self._open, self.film = soko, open_page, film
        self._site, self._lang = site, lang

    def at(
        self, kinds: str, *, device: str = "hh-1", operator: str = "hana", station: str = "",
        site: str = "",
    ) -> Hand:  # fmt: skip
        """Somebody at a device who asks for work of these kinds."""
        page = self._open(self.url(kinds, device, operator, station, site), **SIZE, touch=True)
        expect(page.get_by_test_id("next")).to_be_visible()
        return Hand(page, self.film, device=device, operator=operator)

    def url(
        self, kinds: str, device: str = "hh-1", operator: str = "hana", station: str = "",
        site: str = "",
    ) -> str:  # fmt: skip
        """The address of that device's page."""
        query = f"lang={self._lang}&site={site or self._site}&kinds={kinds}&device={device}"
        station = f"&station={station}" if station else ""
        return f"{self._soko}/ui/h?{query}&operator={operator}{station}"


@contextmanager
def filmed(
    name: str, soko: str, open_page: Opener, site: str, lang: str, *, axe: bool = True
) -> Iterator[Hands]:
    """Hands, and the film of what they see: kept also when something goes wrong."""
    film = Film(f"{name}-{lang}", axe=axe)
    try:
        yield Hands(soko, open_page, film, site, lang)
    finally:
        film.keep()
