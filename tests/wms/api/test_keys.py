"""Keys: shown once, good for what they are for, until they end; and every route has a policy."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.builders import NOW, an_id
from tests.wms.api.routes import routes
from tests.wms.house import Hand, House
from wms import access
from wms.api.dependencies import Services
from wms.api.doors import POLICIES, PUBLIC, policy_of
from wms.app import create_app
from wms.cli import main
from wms.database import Database
from wms.identity.roles import ROLES
from wms.outbound.floor import Floor
from wms.settings import Settings


class Guarded:
    """A web process that asks for keys."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.clock = database, Hand()
        settings = Settings(access="keys", state_dir=folder)
        services = Services(settings=settings, database=database, clock=self.clock, floor=Floor())
        self.app = create_app(settings, services)
        self.http = TestClient(self.app)

    def key(self, *scopes: str, lasts: timedelta | None = None) -> str:
        now = self.clock.now()
        return self.database.run(lambda s: access.make_key(s, "shop", scopes, now=now, lasts=lasts))

    def ask(self, method: str, path: str, key: str | None = None, **more: Any) -> tuple[int, str]:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        answer = self.http.request(method, path, headers=headers, **more)
        code = answer.json().get("code", "") if "problem" in answer.headers["content-type"] else ""
        return answer.status_code, code


@pytest.fixture
def guarded(database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Guarded]:
    monkeypatch.setattr(access, "KEPT_S", 0.0)  # what is kept in memory is tried by itself
    guarded = Guarded(database, folder)
    with guarded.http:
        yield guarded


ORDER = f"/oms/v1/orders/{an_id()}"


def test_a_key_opens_what_it_is_for_and_nothing_else(guarded: Guarded):
    key = guarded.key("orders:read")
    assert guarded.ask("GET", ORDER, key) == (404, "not_found")
    assert guarded.ask("PUT", ORDER, key, json={}) == (403, "scope_missing")
    assert guarded.ask("GET", "/oms/v1/webhooks", key) == (403, "scope_missing")
    assert guarded.ask("POST", "/v1/holds", key, json={}) == (403, "scope_missing")


def test_without_a_good_key_the_door_is_shut(guarded: Guarded):
    key = guarded.key("orders:read")
    wrong = key[:-1] + ("0" if key[-1] != "0" else "1")
    assert guarded.ask("GET", ORDER) == (401, "key_missing")
    for bad in (wrong, "soko_AAAAAAAA_" + "0" * 64, "nonsense", key.removeprefix("soko_")):
        assert guarded.ask("GET", ORDER, bad) == (401, "key_unknown"), bad
    answer = guarded.http.get(ORDER)
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_key_ends_and_can_be_revoked_while_its_successor_lives(guarded: Guarded):
    old, new = guarded.key("orders:read", lasts=timedelta(days=1)), guarded.key("orders:read")
    assert guarded.ask("GET", ORDER, old)[0] == guarded.ask("GET", ORDER, new)[0] == 404
    guarded.clock.at += timedelta(days=1)
    assert guarded.ask("GET", ORDER, old) == (401, "key_unknown")
    guarded.database.run(lambda s: access.revoke_key(s, new.split("_")[1], now=guarded.clock.now()))
    assert guarded.ask("GET", ORDER, new) == (401, "key_unknown")


def test_only_a_hash_is_kept_and_the_last_use(guarded: Guarded):
    key = guarded.key("orders:read")
    for _ in range(2):  # what was used is noted with the next reading
        guarded.ask("GET", ORDER, key)
    (kept,) = guarded.database.run(access.all_keys)
    assert key.split("_")[2].encode() not in kept.hash
    assert kept.last_used_at is not None
    assert kept.last_used_at >= NOW


def test_the_quick_way_is_guarded_too(guarded: Guarded):
    """Reservations are answered before all other layers; not before the door."""
    assert guarded.ask("POST", "/v1/holds", json={}) == (401, "key_missing")
    key = guarded.key("stock:write")
    assert guarded.ask("POST", "/v1/holds", key, json={}) == (422, "malformed")


def test_what_is_open_stays_open(guarded: Guarded):
    for path in ("/health/live", "/catalog/events", "/openapi.json"):
        assert guarded.ask("GET", path)[0] == 200


def test_every_route_has_a_policy_and_only_these_are_public(house: House):
    paths = {path for path, _ in routes(house.http.app)}
    assert len(paths) > 200, "the list of routes is whole"
    assert not sorted(path for path in paths if policy_of(path) is None)
    assert len({policy.path for policy in POLICIES}) == len(POLICIES)
    used = {policy.path for path in paths if (policy := policy_of(path)) is not None}
    unused = {policy.path for policy in POLICIES} - used
    assert unused <= {"/ui", "/problems"}, "a line that is for nothing (files are served there)"
    public = {policy.path for path in paths if (policy := policy_of(path)) is not None
              and PUBLIC in {policy.read, policy.write}}  # fmt: skip
    assert public <= {
        "/", "/api/v1/devices", "/api/v1/people", "/auth/v1", "/catalog", "/docs", "/find",
        "/find/v1", "/health", "/master/v1/pictures", "/openapi.json", "/t", "/track/v1",
    }  # fmt: skip


def test_every_policy_names_scopes_that_there_are_and_that_a_role_has():
    wanted = {scope for policy in POLICIES for scope in (policy.read, policy.write)} - {PUBLIC}
    assert wanted <= set(access.SCOPES)
    held = frozenset().union(*ROLES.values())
    assert wanted - held <= {"stock:write", "shop"}, "these are for systems alone"


def test_keys_are_made_listed_and_revoked_by_command(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("SOKO_DATABASE_URL", database_url)

    def soko(*words: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["key", *words])
        assert not ended.value.code, capsys.readouterr()
        return capsys.readouterr().out

    key = soko("make", "shop", "--scope", "orders:read", "--days", "30").strip()
    id_ = key.split("_")[1]
    assert soko("list").startswith(f"{id_}  shop  orders:read  used never")
    soko("revoke", id_)
    assert "REVOKED" in soko("list")
    assert key.split("_")[2] not in soko("list")


def test_an_open_door_is_not_opened_to_the_world(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOKO_HTTP", "http://0.0.0.0:8080")
    with pytest.raises(SystemExit) as ended:
        main(["serve"])
    assert ended.value.code
