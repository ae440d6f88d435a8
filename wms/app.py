"""Composition root of the web process: `soko serve`.

    create_app(settings) -> FastAPI
    server_of(app, address, port) -> Server, with TLS if the settings name a certificate

Makes what endpoints need, once: the pool of connections, the clock, what is known of the floor,
and the feed of live pictures from the bus. A missing broker means no live picture; a missing
database means 503 with Retry-After; neither stops the process.
"""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

import anyio.to_thread
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from granian.constants import Interfaces, SSLProtocols
from granian.server.embed import Server
from sqlalchemy.pool import QueuePool
from starlette.datastructures import MutableHeaders
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.clock import SystemClock, clock_from_environment
from edge.mqtt import Message as BusMessage
from edge.mqtt import PahoBus, frame_topic
from wms.api import (
    admin,
    auth,
    billing,
    console,
    contacts,
    control,
    counting,
    decisions,
    desk,
    epcis,
    evidence,
    handheld,
    health,
    holds,
    imports,
    inbound,
    inbound_console,
    kits,
    machines,
    masters,
    oms,
    packing,
    payments,
    people,
    planner,
    planner_ahead,
    privacy,
    problems,
    replenishment,
    returns,
    shipping,
    shop,
    stock,
    store,
    supervise,
    track,
    transfers,
    waves,
    webhooks,
)
from wms.api.admit import Admission
from wms.api.dependencies import Services
from wms.api.describe import describe
from wms.api.entrance import Entrance
from wms.api.observed import Observed
from wms.database import Database
from wms.errors import NotFound
from wms.house_clock import following, house_clock
from wms.ids import new_id
from wms.observe import Found, Measures
from wms.outbound.floor import floor_of
from wms.settings import Settings
from wms.stock.coalescer import WRITERS, Coalescer
from wms.stock.over_cells import OverCells, open_door

BACKLOG = 1024
CONNECTIONS_MAX = 4096  # handhelds and screens keep theirs open all day
HSTS = "max-age=31536000"
WEB = Path(__file__).parent / "web_dist"


def _services(settings: Settings) -> Services:
    database = Database(
        settings.database_url,
        pool_size=settings.database_pool,
        given_clock=settings.clock is not None,
    )
    return Services(
        settings=settings,
        database=database,
        clock=house_clock(clock_from_environment(), database),
        floor=floor_of(settings.site_file),
    )


def create_app(
    settings: Settings, services: Services | None = None, measures: Measures | None = None
) -> FastAPI:
    """The web application. Tests bring their own services; then there is no bus.

    What is at work between start and end is `app.state.services` as it is at the start.
    """
    own = services is None
    made = services or _services(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = settings.database_pool
        async with _writers(settings, app.state.services, own=own) as app.state.coalescer:
            if not own:
                yield
                return
            client_id = f"wms-serve-{new_id(SystemClock().now()).hex[-12:]}"
            with following(made.clock):
                async with PahoBus(settings.mqtt_url, client_id=client_id) as bus:

                    def on_frame(message: BusMessage) -> None:
                        made.feed.put(message.body.decode())

                    bus.subscribe(frame_topic(made.floor.hub_code), qos=0, handler=on_frame)
                    yield

    app = FastAPI(
        title="Soko",
        summary="Stock, orders and machines of a network of warehouses and stores",
        lifespan=lifespan,
        docs_url=None,  # FastAPI's own pages load their scripts from elsewhere
        redoc_url=None,
    )
    app.state.services = made
    problem = problems.install(app)
    for router in (holds.quick, holds.router, handheld.quick):  # the first is found first
        app.include_router(router)
    for area in (
        oms,
        decisions,
        payments,
        returns,
        contacts,
        privacy,
        track,
        shop,
        store,
        stock,
        masters,
        imports,
        desk,
        shipping,
        transfers,
        inbound,
        inbound_console,
        replenishment,
        counting,
        billing,
        packing,
        handheld,
        evidence,
        people,
        auth,
        admin,
        supervise,
        machines,
        control,
        console,
        webhooks,
        epcis,
        health,
        waves,
        kits,
        planner,
        planner_ahead,
    ):
        app.include_router(area.router)
    app.include_router(webhooks.catalog)
    describe(app)
    _serve_docs(app)
    _serve_web(app)
    app.add_middleware(AnswerHeaders, over_tls=settings.over_tls)
    app.add_middleware(Admission, router=holds.quick, uncounted=handheld.quick, problem=problem)
    # asked before all but who looks on
    app.add_middleware(Entrance, guarded=settings.access == "keys", problem=problem)
    if measures is not None:
        measures.add(lambda: _figures(app))
        app.add_middleware(Observed, measures=measures)
    return app


def _figures(app: FastAPI) -> Found:
    """What can be counted of this process now."""
    database: Database = app.state.services.database
    pool = database.engine.pool
    found: Found = [("soko_conflicts_total", {}, database.conflicts)]
    if isinstance(pool, QueuePool):
        found += [
            ("soko_connections", {"figure": "in_use"}, pool.checkedout()),
            ("soko_connections", {"figure": "size"}, pool.size()),
        ]
    coalescer = getattr(app.state, "coalescer", None)
    if isinstance(coalescer, Coalescer):
        found.append(("soko_queue", {"figure": "depth"}, coalescer.depth))
        for name in ("asked", "batches", "lines", "refused", "late"):
            found.append(("soko_queue_total", {"figure": name}, getattr(coalescer, name)))
    return found


def server_of(
    app: FastAPI, address: str, port: int, *, cert: Path | None = None, key: Path | None = None
) -> Server:
    """The server for an application that is ready to run, one process; with TLS 1.2 or later.

    What has been made until now stays: the collector of garbage need not look at it again and
    again, for a tenth of a second each time, while reservations wait.
    """
    gc.collect()
    gc.freeze()
    return Server(
        app,
        address=address,
        port=port,
        interface=Interfaces.ASGI,
        log_access=False,
        backlog=BACKLOG,
        backpressure=CONNECTIONS_MAX,
        ssl_cert=cert,
        ssl_key=key,
        ssl_protocol_min=SSLProtocols.tls12,
    )


@asynccontextmanager
async def _writers(
    settings: Settings, made: Services, *, own: bool
) -> AsyncIterator[Coalescer | OverCells]:
    """The coalescer, with connections of its own: readers cannot keep it from posting.

    With several cells it is one for each, behind one door.
    """
    if settings.cells is not None:
        async with open_door(settings, made.clock) as door:
            yield door
        return
    given_clock = settings.clock is not None
    database = made.database
    if own:
        database = Database(settings.database_url, pool_size=WRITERS, given_clock=given_clock)
    coalescer = Coalescer(database, made.clock)
    try:
        yield coalescer
    finally:
        await coalescer.drain()
        if own:
            database.close()


def _serve_docs(app: FastAPI) -> None:
    """The API to read and try, without a byte from any other host."""

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        if not (WEB / "docs" / "swagger-ui-bundle.js").exists():
            raise NotFound("the screens are not built: python hatch_build.py")
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title="Soko API",
            swagger_js_url="/ui/docs/swagger-ui-bundle.js",
            swagger_css_url="/ui/docs/swagger-ui.css",
            swagger_favicon_url="/ui/icon.svg",
            # a hundred operations take a browser half a minute to draw: one area at a time
            swagger_ui_parameters={
                "validatorUrl": None,
                "docExpansion": "none",
                "defaultModelsExpandDepth": -1,
            },
        )


def _serve_web(app: FastAPI) -> None:
    if (WEB / "index.html").exists():
        app.frontend("/ui/", directory=WEB)

    @app.get("/", include_in_schema=False)
    def home() -> RedirectResponse:
        return RedirectResponse("/ui/")


class AnswerHeaders:
    """Says how long a file of the screens may be kept, and that nobody comes without TLS again."""

    def __init__(self, app: ASGIApp, *, over_tls: bool) -> None:
        self._app, self._over_tls = app, over_tls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        is_screen = scope["type"] == "http" and scope["path"].startswith("/ui/")
        if scope["type"] != "http" or not (is_screen or self._over_tls):
            await self._app(scope, receive, send)
            return
        lasting = scope["path"].startswith("/ui/assets/")
        kept = "public, max-age=31536000, immutable" if lasting else "no-cache"

        async def send_with(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if is_screen and message["status"] == HTTPStatus.OK:
                    headers["cache-control"] = kept
                if self._over_tls:
                    headers["strict-transport-security"] = HSTS
            await send(message)

        await self._app(scope, receive, send_with)
