"""What an endpoint may ask for: the only use of `Depends`.

The transaction is not among it: code after a dependency's `yield` runs when the answer has been
sent, and an answer must not be sent before the commit. Endpoints call `services.database.run`.
"""

from dataclasses import dataclass, field
from datetime import datetime
from threading import Event
from typing import Annotated, TypeAlias
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import Depends, Header, Request
from fastapi.exceptions import RequestValidationError

from edge.clock import Clock
from wms import access
from wms.access import ScopeMissing
from wms.api.limits import Limits
from wms.api.live import Feed
from wms.contacts.keys import Keys
from wms.database import Database
from wms.identity.caller import Caller, caller
from wms.outbound.floor import Floor
from wms.people.entry import Known, SignInNeeded, has_supervisor
from wms.people.known import People
from wms.people.secrets import DEVICE, SESSION
from wms.settings import Settings
from wms.work.actor import Actor, Skills
from wms.work.at_hand import AtHand

NAME_MAX = 100
NAMES = {"x-soko-device": "handheld-1", "x-soko-operator": "demo"}
BY_ITSELF = ("/work/heartbeat", "/work/stream")  # a device says these, with nobody there
Name: TypeAlias = Annotated[str, Header(max_length=NAME_MAX, pattern=r"^[^\x00]*$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the composition root made for the endpoints."""

    settings: Settings
    database: Database
    clock: Clock
    floor: Floor
    feed: Feed = field(default_factory=Feed)
    known: set[UUID] = field(default_factory=set)  # masters that have been seen to be there
    limits: Limits = field(default_factory=Limits)
    at_hand: AtHand = field(default_factory=AtHand)
    draining: Event = field(default_factory=Event)  # set: whoever can go elsewhere is to do so
    ending: Event = field(default_factory=Event)  # set: streams end, so that the process can
    contacts_keys: Keys = field(init=False)
    people: People = field(init=False)
    api_keys: access.Keys = field(init=False)

    def __post_init__(self) -> None:
        """What the settings say where to find."""
        object.__setattr__(self, "contacts_keys", Keys(self.settings.contact_key_file))
        object.__setattr__(self, "people", People(self.database))
        object.__setattr__(self, "api_keys", access.Keys(self.database))


# Not `def`: those would each wait for a thread, and there are hundreds of requests a second.
async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


async def _now(request: Request) -> datetime:
    services: Services = request.app.state.services
    return services.clock.now()


async def _actor(
    request: Request,
    x_soko_device: Name = "handheld-1",
    x_soko_operator: Name = "demo",
) -> Actor:
    """Who works: whoever has signed in; where handhelds are open, who they say they are."""
    return await _worker(request, x_soko_device, x_soko_operator)


async def actor_of(request: Request) -> Actor:
    """The same, for quick endpoints (wms.api.quick).

    Raises:
        RequestValidationError: a name is too long.
    """
    said = [(name, request.headers.get(name, usual)) for name, usual in NAMES.items()]
    for name, value in said:
        if len(value) > NAME_MAX or "\x00" in value:
            what = {
                "type": "value_error",
                "loc": ("header", name),
                "msg": f"at most {NAME_MAX} long",
            }
            raise RequestValidationError([what])
    return await _worker(request, *(value for _, value in said))


async def _worker(request: Request, device: str, operator: str) -> Actor:
    services: Services = request.app.state.services
    known = await _known(request, services)
    if known is not None:
        skills = Skills(kinds=known.kinds, zones=known.zones, equipment=known.equipment)
        return Actor(
            device=known.device,
            operator=known.operator,
            signed_in=True,
            supervisor=known.supervisor,
            skills=skills,
        )
    office = _of_office()
    if office is not None:
        directs = "floor:write" in office.scopes
        return Actor(device="desk", operator=office.name, signed_in=True, supervisor=directs)
    if services.settings.handheld == "paired":
        raise SignInNeeded("scan a badge")
    return Actor(device=device, operator=operator)


async def _boss(
    request: Request,
    x_soko_operator: Name = "console",
) -> str:
    """The supervisor who asks. Where handhelds are paired, one must have signed in.

    But for the first days: until a supervisor has signed in, somebody must be able to make one,
    unless the entrance has asked who it is (SOKO_ACCESS=keys).
    """
    services: Services = request.app.state.services
    office = _of_office()
    if office is not None:
        return office.name
    known = await _known(request, services)
    if known is not None and known.supervisor:
        return known.operator
    if services.settings.handheld == "open":
        return x_soko_operator if known is None else known.operator
    if known is not None:
        raise ScopeMissing("supervisor")
    if await run_sync(services.database.run, has_supervisor):
        raise SignInNeeded("scan a supervisor's badge")
    return "console"


def _of_office() -> Caller | None:
    """Who comes from the office or with a key, and was let in for that."""
    found = caller()
    return found if found is not None and found.kind in {"account", "key"} else None


async def _known(request: Request, services: Services) -> Known | None:
    token = token_of(request)
    if not token.startswith(SESSION):
        return None
    known = services.people.remembered(token)
    if known is not None:
        return known
    now = services.clock.now()
    is_there = not request.url.path.endswith(BY_ITSELF)
    return await run_sync(lambda: services.people.ask(token, now=now, is_there=is_there))


def token_of(request: Request) -> str:
    """The token of a device or of somebody who has signed in; "" without one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() == "bearer" and token.startswith((DEVICE, SESSION)):
        return token
    return ""


Svc = Annotated[Services, Depends(_services)]
Now = Annotated[datetime, Depends(_now)]
Who = Annotated[Actor, Depends(_actor)]
Boss = Annotated[str, Depends(_boss)]
signed_in = Depends(_actor)  # for routers whose endpoints do not ask who it is
