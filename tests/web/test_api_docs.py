"""The API's own page, /docs, in a browser that reaches no other host."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Request, Route, expect

import hatch_build
from tests.web.browser import Opener, Snapper
from tests.wms.house import House


def test_the_page_names_no_other_host(house: House, built_screens: Path):
    page = house.http.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert not re.findall(r"(?:https?:)?//[a-z][^\s'\"]*", page.text)
    named = re.findall(r"""(?:src|href)="([^"]+)"|url: '([^']+)'""", page.text)
    addresses = [first or second for first, second in named]
    assert len(addresses) == 4
    for address in addresses:
        assert house.http.get(address).status_code == 200, address
    assert {path.name for path in (built_screens / "docs").iterdir()} == {
        *hatch_build.SWAGGER_FILES
    }


def test_redoc_is_not_served(house: House):
    assert house.http.get("/redoc").status_code == 404


@pytest.mark.nightly
def test_operations_are_read_without_a_network(real_soko: str, open_page: Opener, snap: Snapper):
    asked: set[str] = set()

    def only_soko(route: Route, request: Request) -> None:
        asked.add(host := urlsplit(request.url).netloc)
        if host == urlsplit(real_soko).netloc:
            route.continue_()
        else:
            route.abort()

    page = open_page("about:blank")
    page.route("**/*", only_soko)
    page.goto(f"{real_soko}/docs")
    page.locator(".opblock-tag[data-tag=oms]").click()
    expect(page.locator(".opblock", has_text="/oms/v1/orders/{order_id}").first).to_be_visible()
    page.locator(".opblock-tag[data-tag=oms]").click()
    page.locator(".opblock-tag[data-tag=console]").click()
    stock = page.locator("[id^=operations-console-][id$=console_v1_stock_get]")
    expect(stock).to_be_visible(timeout=20_000)
    stock.locator(".opblock-summary-control").click()
    stock.get_by_role("button", name="Try it out").click()
    stock.get_by_role("button", name="Execute").click()
    expect(stock.locator(".live-responses-table .response .response-col_status")).to_have_text(
        "200"
    )
    snap(page, "real-docs-en")
    assert asked == {urlsplit(real_soko).netloc}
