"""The entrance: who comes with a request, whether they may, and how far they reach.

    Authorization: Bearer soko_K7Q2…_…     another system, with a key
    Authorization: Bearer soko_s_…         somebody at a device, with badge and PIN
    Cookie                                 somebody of the office (wms.identity.sessions)
    nothing                                where the settings leave doors open, whoever they say

What one must be allowed stands in wms.api.doors. Where SOKO_ACCESS=open nobody is asked, and what
is noted in the audit log is noted of whom they say they are. Rights are looked up with each
request: who loses one has lost it. Keys are in memory, for some seconds (wms.access).
"""

import asyncio
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie

from fastapi.exceptions import HTTPException
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from wms.access import KeyMissing, ScopeMissing
from wms.api.dependencies import BY_ITSELF, Services
from wms.api.doors import PUBLIC, READS, Policy, policy_of
from wms.api.limits import Buckets, visitor
from wms.errors import Forbidden, WmsError
from wms.identity.caller import Caller
from wms.identity.roles import ROLES, reach_of, reach_to, scopes_of
from wms.identity.sessions import check_origin, cookie_name, seated
from wms.people.entry import SignInNeeded
from wms.people.secrets import DEVICE, SESSION
from wms.reach import ATTENDANT

# What people of the floor do; where handhelds are open, whoever says that they are.
OF_PEOPLE = frozenset(
    {"work", "floor:read", "floor:write", "machines", "rules", "people", "planner"}
)
NAME_MAX = 100
POLICY_VIOLATION = 1008


class OutOfReach(Forbidden):
    """Who is limited to some sites or owners may not come here at all."""

    code = "out_of_reach"


class Entrance:
    """Asks who comes."""

    def __init__(
        self, app: ASGIApp, *, guarded: bool, problem: Callable[[Request, Exception], Response]
    ) -> None:
        self._app, self._guarded, self._problem = app, guarded, problem
        self._paces: dict[int, Buckets] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        try:
            caller = await self._caller(scope)
        except (WmsError, HTTPException) as error:
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": POLICY_VIOLATION})
            else:
                await self._problem(Request(scope, receive), error)(scope, receive, send)
            return
        set_ = ATTENDANT.set(caller)
        try:
            await self._app(scope, receive, send)
        finally:
            ATTENDANT.reset(set_)

    async def _caller(self, scope: Scope) -> Caller | None:
        services: Services = scope["app"].state.services
        policy = policy_of(scope["path"])
        if policy is None:
            if self._guarded:
                raise HTTPException(404)
            return None
        method = scope.get("method", "GET")
        wanted = policy.read if method in READS else policy.write
        if not self._guarded and policy.note is None:
            return None
        caller = await self._known(HTTPConnection(scope), services, wanted, method)
        if caller.reach.owners is not None and not policy.is_for_tenants(method):
            raise OutOfReach("this is not for who is limited to some owners")
        if caller.reach.sites is not None and not policy.sites:
            raise OutOfReach("this is not for who is limited to some sites")
        if policy.note == "export" or method not in READS:
            self._note(caller, policy, services, HTTPConnection(scope), method)
        return caller

    def _note(
        self, caller: Caller, policy: Policy, services: Services, asked: HTTPConnection, method: str
    ) -> None:
        settings = services.settings
        caller.note_as, caller.what = policy.note, f"{method} {asked.scope['path']}"
        caller.address = visitor(asked, behind_proxy=settings.behind_proxy)
        caller.two_persons = settings.two_persons == "on"

    async def _known(
        self, asked: HTTPConnection, services: Services, wanted: str, method: str
    ) -> Caller:
        """Who it is.

        Raises:
            KeyMissing, ScopeMissing, WrongOrigin, TooOften: they may not come.
        """
        now = services.clock.now
        if wanted == PUBLIC:
            return Caller(kind="public", name="", now=now)
        scheme, _, token = asked.headers.get("authorization", "").partition(" ")
        token = token.strip() if scheme.lower() == "bearer" else ""
        if token.startswith((SESSION, DEVICE)):
            return await self._at_device(asked, services, token, wanted)
        cookie = _cookie(asked.headers, cookie_name(services.settings.public_url))
        if cookie and not asked.headers.get("authorization"):
            return await self._of_office(asked, services, cookie, wanted, method)
        is_said = services.settings.handheld == "open" and wanted in OF_PEOPLE and not token
        if not self._guarded or is_said:
            return Caller(kind="open", name=_says(asked.headers), now=now)
        if wanted in OF_PEOPLE and not token:
            raise SignInNeeded("sign in")
        return await self._by_key(asked, services, wanted)

    async def _by_key(self, asked: HTTPConnection, services: Services, wanted: str) -> Caller:
        now = services.clock.now()
        keys = services.api_keys
        if not keys.is_fresh:
            await asyncio.to_thread(keys.refresh, now=now)
        known = keys.judge(asked.headers.get("authorization"), wanted, now=now)
        if known.per_minute:
            pace = self._paces.setdefault(
                known.per_minute,
                Buckets(per_minute=known.per_minute, burst=max(1, known.per_minute // 4)),
            )
            pace.take(known.id, now)
        return Caller(
            kind="key", name=known.id, now=services.clock.now, scopes=known.scopes,
            reach=reach_to(known.sites, known.owners),
        )  # fmt: skip

    async def _at_device(
        self, asked: HTTPConnection, services: Services, token: str, wanted: str
    ) -> Caller:
        if token.startswith(DEVICE):
            if self._guarded:
                raise SignInNeeded("scan a badge")  # a device is nobody
            return Caller(kind="open", name=_says(asked.headers), now=services.clock.now)
        known = services.people.remembered(token)
        if known is None:
            now, is_there = services.clock.now(), not asked.scope["path"].endswith(BY_ITSELF)
            known = await asyncio.to_thread(services.people.ask, token, now=now, is_there=is_there)
        scopes = ROLES["supervisor" if known.supervisor else "operator"]
        if known.supervisor:
            scopes |= {"rules"}
        if self._guarded and wanted not in scopes:
            raise ScopeMissing(wanted)
        return Caller(kind="badge", name=known.operator, now=services.clock.now, scopes=scopes)

    async def _of_office(
        self, asked: HTTPConnection, services: Services, cookie: str, wanted: str, method: str
    ) -> Caller:
        if method not in READS or asked.scope["type"] == "websocket":
            check_origin(asked.headers, services.settings.public_url)
        now = services.clock.now()
        try:
            who = await asyncio.to_thread(
                services.database.run, lambda s: seated(s, cookie, now=now)
            )
        except KeyMissing:
            if self._guarded:
                raise
            return Caller(kind="open", name=_says(asked.headers), now=services.clock.now)
        scopes = scopes_of(who.rights)
        if self._guarded and wanted not in scopes:
            raise ScopeMissing(wanted)
        caller = Caller(kind="account", name=who.code, now=services.clock.now, scopes=scopes)
        if self._guarded:
            caller.reach = reach_of(who.rights, wanted)
        return caller


def _says(headers: Headers) -> str:
    return headers.get("x-soko-operator", "console")[:NAME_MAX]


def _cookie(headers: Headers, name: str) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return "" if found is None else found.value
