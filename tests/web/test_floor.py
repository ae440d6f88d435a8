"""The floor's page on the real thing: exceptions, work, waves, counts, docks, people."""

import re
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.builders import an_id
from tests.web.browser import Opener, Snapper
from tests.web.test_masters import serious
from tests.wms.counting.counters import count, given
from tests.wms.house import HUB, House
from wms.outbound.tell import report
from wms.sites import site_id


class Leader:
    """A house with something of everything in it, and the page in which it is led."""

    def __init__(self, house: House, soko: str) -> None:
        self.house, self.soko = house, soko
        self.now = datetime.fromisoformat(httpx2.get(f"{soko}/console/v1/clock").json()["now"])
        house.clock.at = self.now  # the house's people work by the same clock

    def ask(self, method: str, path: str, **body: Any) -> Any:
        answer = httpx2.request(method, f"{self.soko}{path}", json=body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def troubles(self) -> None:
        """A short pick and a robot."""
        for code, source, priority, facts in (
            ("pick.short", "S02-01", 2, {"location": "S02-01", "sku": "RICE", "units": 3}),
            ("robot.fault", "R-08", 1, {"detail": "drive overcurrent"}),
        ):
            self._report(code, source, priority, facts)

    def _report(self, code: str, source: str, priority: int, facts: dict[str, Any]) -> None:
        at, id_ = self.now, an_id()
        self.house.database.run(
            lambda s: report(
                s, site_id(HUB), id_, code=code, source=source, facts=facts, at=at,
                priority=priority,
            )
        )  # fmt: skip

    def walked(self) -> None:
        """Work that has been done, for figures."""
        for sku, units, at in (
            ("TEA", 90, "S01-01"),
            ("RICE", 50, "S02-01"),
            ("JAM", 20, "S03-01"),
        ):
            self.house.sku(sku)
            self.house.stock(sku, units, at)
        for _ in range(4):
            self.house.put_order(("TEA", 2), ("RICE", 1))
        self.house.tick()
        self.house.work_off(HUB, "pick")
        self.house.work_off(HUB, "pack")

    def waiting(self) -> None:
        """Orders that wait for a wave."""
        self.ask("PUT", f"/console/v1/channels/{HUB}/all", wip_lines_max=0)
        for units in (1, 2, 3, 1, 2):
            self.house.put_order(("TEA", units), ("JAM", 1))
        self.house.tick()

    def docks(self) -> None:
        """Two doors, and trucks at them."""
        for door in ("D1", "D2"):
            self.ask("PUT", f"/inbound/v1/doors/{HUB}/{door}", opens="00:00", closes="23:45")
        asn = str(an_id())
        eta = {
            "eta_p50": self.now.isoformat(),
            "eta_p90": (self.now + timedelta(hours=1)).isoformat(),
        }
        lines = [{"line_no": 1, "sku": "TEA", "units": 48}]
        self.ask("PUT", f"/inbound/v1/asns/{asn}", site=HUB, number="A-4711", supplier="ACME",
                 lines=lines, units=[], **eta)  # fmt: skip
        start = self.now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        for door, hours, more in (
            ("D1", 0, {"asn_id": asn}), ("D2", 1, {"carrier": "YAMATO", "vehicle": "品川 12-34"}),
        ):  # fmt: skip
            at = start + timedelta(hours=hours)
            end = at + timedelta(minutes=90)
            self.ask("PUT", f"/inbound/v1/appointments/{an_id()}", site=HUB, door=door,
                     starts_at=at.isoformat(), ends_at=end.isoformat(), **more)  # fmt: skip


@pytest.fixture
def leader(house: House, real_soko: str) -> Leader:
    leader = Leader(house, real_soko)
    leader.troubles()
    leader.walked()
    leader.waiting()
    leader.docks()
    return leader


def turn_to(page: Page, tab: str) -> None:
    page.locator(f"[data-tab={tab}]").click()


def _exceptions(page: Page, snap: Snapper) -> None:
    rows = page.locator("[data-exception]")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("R-08")  # the worst comes first
    snap(page, "floor-exceptions-ja")
    short = page.locator("[data-exception]", has_text="S02-01").first
    short.locator("[data-act=take]").click()
    expect(short).to_have_attribute("data-state", "TAKEN")
    short.get_by_role("textbox").fill("棚を確認")
    short.locator("[data-act=recount]").click()
    expect(rows).to_have_count(1)
    page.locator(".turns [data-state=SOLVED]").click()
    expect(rows.first).to_contain_text("棚を確認")
    assert serious(page) == []


def _waves(page: Page, house: House, snap: Snapper) -> None:
    turn_to(page, "waves")
    page.locator("[data-act=plan]").click()
    plan = page.get_by_test_id("plan-wave")
    plan.locator("[name=name]").fill("Noon")
    plan.locator("[name=minutes]").fill("90")
    plan.get_by_role("button", name="Save").click()
    wave = page.locator("[data-wave]")
    expect(wave).to_have_attribute("data-state", "PLANNED")
    wave.locator("[data-act=simulate]").click()
    expect(wave).to_have_attribute("data-state", "SIMULATED")
    expect(wave.locator(".facts")).to_contain_text("10 lines")
    expect(wave.get_by_test_id("gantt")).to_have_attribute(
        "aria-label", re.compile("Pick: predicted")
    )
    wave.locator("[data-act=release]").click()
    expect(wave).to_have_attribute("data-state", "RELEASED")
    house.tick()
    house.work_off(HUB, "pick")
    expect(wave.locator("[data-step=pick] .was")).to_be_visible()
    _channels(page, snap)
    page.locator("[data-act=plan]").click()
    plan.locator("[name=name]").fill("Dense")
    plan.locator("[name=choose]").select_option("DENSE")
    plan.get_by_role("button", name="Save").click()
    dense = page.locator("[data-wave]", has_text="Dense")
    expect(dense).to_contain_text("are being chosen")
    expect(dense.locator("[data-act=release]")).to_be_disabled()
    snap(page, "floor-wave-en")
    assert serious(page) == []
    house.job("plan-ahead")
    expect(dense.locator("[data-act=release]")).to_be_enabled()
    dense.locator("[data-act=cancel]").click()
    expect(dense).to_have_attribute("data-state", "CANCELLED")


def _channels(page: Page, snap: Snapper) -> None:
    """A channel is made and changed, and what the form does not show stays."""
    channels = page.get_by_test_id("channels")
    channels.locator("[data-act=new-channel]").click()
    form = page.get_by_test_id("edit-channel")
    form.locator("[name=code]").fill("express")
    form.locator("[name=wip_lines_max]").fill("40")
    form.get_by_role("button", name="Save").click()
    express = channels.locator("[data-channel=express]")
    expect(express).to_contain_text("In their turn")
    express.locator("[data-act=edit-channel]").click()
    form.locator("[name=choose]").select_option("NEAR")
    snap(page, "floor-channels-en")
    form.get_by_role("button", name="Save").click()
    expect(express).to_contain_text("Near what is picked")
    expect(express).to_contain_text("40")


def _work(page: Page, leader: Leader, snap: Snapper) -> None:
    turn_to(page, "work")
    leader.ask(
        "PUT",
        f"/console/v1/operators/{an_id()}",
        code="yumi",
        name="Yumi",
        badge="B-YUMI",
        pin="4711",
    )
    first = page.locator("tr[data-task]", has_text=re.compile("Pack|梱包")).first
    first.locator("[data-act=steer]").click()
    steering = page.get_by_test_id("steering")
    steering.locator("[name=worker]").select_option("yumi")
    expect(first).to_contain_text("→ yumi")
    steering.locator("[data-steer=prioritise]").click()
    expect(first.locator("td.num").last).to_have_text("10")
    steering.locator("[name=note]").fill("wait for the foreman")
    steering.locator("[data-steer=block]").click()
    expect(page.locator("tr[data-task][data-state=BLOCKED]")).to_contain_text(
        "wait for the foreman"
    )
    expect(page.locator(".pool")).to_contain_text("1 blocked")
    snap(page, "floor-work-en")
    assert serious(page) == []


@pytest.mark.nightly
def test_a_shift_is_led_from_one_page(leader: Leader, open_page: Opener, snap: Snapper):
    house = leader.house
    page = open_page(f"{leader.soko}/ui/floor?lang=ja&site={HUB}", width=1400, height=1000)
    _exceptions(page, snap)
    page.get_by_role("button", name="English").click()
    _waves(page, house, snap)
    _work(page, leader, snap)
    turn_to(page, "labour")
    expect(page.get_by_test_id("labour").locator("[data-name=pick]")).to_contain_text("%")
    expect(page.get_by_test_id("labour-chart")).to_have_attribute(
        "aria-label", re.compile(r"\d+ units")
    )
    page.locator("[data-by=operator]").click()
    expect(page.get_by_test_id("labour").locator("tbody tr").first).to_be_visible()
    snap(page, "floor-labour-en")
    assert serious(page) == []


def _counts(page: Page, house: House, snap: Snapper) -> None:
    page.locator("[name=places]").fill("S03-01")
    page.locator("[data-act=count]").click()
    expect(page.get_by_role("status")).to_contain_text("1 counts wanted")
    for operator, units in (("ken", 17), ("mio", 16)):
        count(house, operator, given(house, operator), ("JAM", units))
    row = page.locator("[data-count]")
    expect(row).to_contain_text("S03-01")
    row.get_by_role("button").click()
    one = page.get_by_test_id("count")
    expect(one.locator("tbody tr")).to_have_count(2)
    expect(one).to_contain_text("ken")
    one.locator("[name=reason]").fill("seen twice")
    snap(page, "floor-count-en-dark")
    assert serious(page) == []
    one.locator("[data-act=reject]").click()
    expect(row).to_have_count(0)


def _docks(page: Page, snap: Snapper) -> None:
    turn_to(page, "docks")
    board = page.get_by_test_id("docks")
    expect(board.locator("[data-appointment]")).to_have_count(2)
    board.locator("[data-appointment]", has_text="A-4711").click()
    page.get_by_test_id("appointment").locator("[data-act=check-in]").click()
    expect(board.locator("[data-state=CHECKED_IN]")).to_have_count(1)
    expect(page.locator("[data-asn='A-4711']")).to_contain_text("/ 48")
    snap(page, "floor-docks-en-dark")
    assert serious(page) == []


def _people(page: Page, leader: Leader, snap: Snapper) -> None:
    turn_to(page, "people")
    page.locator("[data-act=new-device]").click()
    page.get_by_test_id("device").locator("[name=name]").fill("HH-07")
    page.get_by_test_id("device").get_by_role("button", name="Save").click()
    device = page.locator("[data-device=HH-07]")
    device.locator("[data-act=pair]").click()
    code = page.get_by_test_id("pairing").locator(".code").inner_text()
    snap(page, "floor-people-en-dark")
    assert serious(page) == []
    leader.ask("POST", "/api/v1/devices/pair", code=code)
    page.reload()
    expect(device).to_contain_text("paired")
    device.locator("[data-act=revoke]").click()
    expect(device).to_contain_text("shut out")
    page.locator("[data-act=new-operator]").click()
    operator = page.get_by_test_id("operator")
    for name, value in (("code", "aoi"), ("name", "Aoi"), ("badge", "B-AOI"), ("pin", "4711")):
        operator.locator(f"[name={name}]").fill(value)
    operator.get_by_role("button", name="Save").click()
    expect(page.locator("[data-operator=aoi]")).to_contain_text("all work")


def test_counts_docks_and_devices_are_led_from_it_too(
    leader: Leader, open_page: Opener, snap: Snapper
):
    leader.ask("PUT", f"/console/v1/count-policy/{HUB}", rounds_max=2, tolerance_minor=0)
    page = open_page(f"{leader.soko}/ui/floor?lang=en&look=dark&tab=counts&site={HUB}",
                     width=1400, height=900)  # fmt: skip
    _counts(page, leader.house, snap)
    _docks(page, snap)
    _people(page, leader, snap)


@pytest.mark.nightly
@pytest.mark.parametrize("look", ["light", "dark"])
@pytest.mark.parametrize("width", [420, 1280])
def test_it_is_legible_on_a_phone_and_on_a_desk(
    leader: Leader, open_page: Opener, snap: Snapper, width: int, look: str
):
    wave = an_id()
    leader.ask("PUT", f"/console/v1/waves/{wave}", site=HUB, name="昼の便")
    leader.ask("POST", f"/console/v1/waves/{wave}:simulate", command_id=str(an_id()))
    for tab in ("exceptions", "work", "labour", "waves", "counts", "docks", "people"):
        page = open_page(
            f"{leader.soko}/ui/floor?tab={tab}&lang=ja&look={look}&site={HUB}",
            width=width, height=900,
        )  # fmt: skip
        page.locator("main .box, main .hint, main table, main svg").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        snap(page, f"floor-{tab}-{width}-{look}")
        assert serious(page) == []
