"""What an endpoint may ask for: the only use of `Depends`.

The transaction is not among it: code after a dependency's `yield` runs when the answer has been
sent, and an answer must not be sent before the commit. Endpoints call `services.database.run`.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Request

from edge.clock import Clock
from wms.api.limits import Limits
from wms.api.live import Feed
from wms.contacts.keys import Keys
from wms.database import Database
from wms.outbound.floor import Floor
from wms.settings import Settings
from wms.work.tasks import Actor


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
    contacts_keys: Keys = field(init=False)

    def __post_init__(self) -> None:
        """What the settings say where to find."""
        object.__setattr__(self, "contacts_keys", Keys(self.settings.contact_key_file))


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def _now(request: Request) -> datetime:
    return _services(request).clock.now()


def _actor(
    x_soko_device: Annotated[str, Header(max_length=100)] = "handheld-1",
    x_soko_operator: Annotated[str, Header(max_length=100)] = "demo",
) -> Actor:
    return Actor(device=x_soko_device, operator=x_soko_operator)


Svc = Annotated[Services, Depends(_services)]
Now = Annotated[datetime, Depends(_now)]
Who = Annotated[Actor, Depends(_actor)]
