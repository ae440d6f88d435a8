"""An office behind a guarded entrance: what the tests of identity share."""

from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from starlette.datastructures import State

from tests.builders import an_id
from tests.wms.house import Hand
from wms import access
from wms.api.dependencies import Services
from wms.app import create_app
from wms.database import Database
from wms.identity import accounts
from wms.identity.audit import read
from wms.identity.model import Account, AuditEvent
from wms.identity.passwords import password_hash
from wms.outbound.floor import Floor
from wms.settings import Settings

PASSWORD = "correct horse battery"  # noqa: S105 - of tests
_APPS: list[Any] = []
_IDS: dict[str, Any] = {}


def _app_of(services: Services) -> Any:
    """A guarded application with these services; putting its routes together takes a while."""
    if not _APPS:
        _APPS.append(create_app(services.settings, services))
    app = _APPS[0]
    app.state = State({"services": services})
    app.middleware_stack = None
    return app


class Desk:
    """A browser: cookies, and an origin with what changes something."""

    def __init__(self, app: Any, address: str = "http://testserver") -> None:
        self.own = {"origin": address}
        self.http = TestClient(app, follow_redirects=False, base_url=address)

    def ask(self, method: str, path: str, **more: Any) -> Any:
        headers = self.own | more.pop("headers", {})
        return self.http.request(method, path, headers=headers, **more)

    def code(self, method: str, path: str, **more: Any) -> tuple[int, str]:
        answer = self.ask(method, path, **more)
        problem = "problem" in answer.headers.get("content-type", "")
        return answer.status_code, answer.json()["code"] if problem else ""

    def good(self, method: str, path: str, **more: Any) -> Any:
        answer = self.ask(method, path, **more)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


class Office:
    """A guarded house, its administrator, and desks."""

    def __init__(self, database: Database, folder: Path, **settings: Any) -> None:
        self.database, self.clock = database, Hand()
        given = Settings(access="keys", handheld="paired", state_dir=folder, **settings)
        services = Services(settings=given, database=database, clock=self.clock, floor=Floor())
        self.services = services
        self.app = _app_of(services)
        self.address = given.public_url if given.public_url[:5] == "https" else "http://testserver"

    def desk(self) -> Desk:
        return Desk(self.app, self.address)

    def chief(self) -> Desk:
        """The first administrator, come in by the link."""
        desk = self.desk()
        token = self.database.run(lambda s: accounts.begin_set_up(s, now=self.clock.now()))
        body = {"token": token, "code": "chief", "name": "Chief", "password": PASSWORD}
        desk.good("POST", "/auth/v1/set-up", json=body)
        return desk

    def somebody(self, chief: Desk, code: str, *rights: dict[str, Any]) -> Desk:
        """An account with these rights, signed in by a password of its own."""
        body = {"code": code, "name": code.title(), "rights": list(rights)}
        chief.good("PUT", f"/admin/v1/accounts/{self.id_of(code)}", json=body)
        self.database.run(lambda s: _with_password(s, self.id_of(code)))
        desk = self.desk()
        self.enter(desk, code)
        return desk

    def enter(self, desk: Desk, code: str) -> None:
        desk.good("POST", "/auth/v1/sign-in", json={"code": code, "password": PASSWORD})

    def id_of(self, code: str) -> Any:
        return _IDS.setdefault(code, an_id())

    def key(self, *scopes: str, **bounds: Any) -> dict[str, str]:
        """The header of a new key."""
        made = self.database.run(
            lambda s: access.make_key(
                s, "shop", scopes, now=self.clock.now(), bounds=access.Bounds(**bounds)
            )
        )
        self.services.api_keys.forget()
        return {"authorization": f"Bearer {made}"}

    def noted(self, **wanted: Any) -> list[AuditEvent]:
        """What is in the log, the newest first."""
        return list(self.database.run(lambda s: read(s, limit=500, **wanted)))


def _with_password(session: Any, id_: Any) -> None:
    session.get_one(Account, id_).password_hash = password_hash(PASSWORD)
