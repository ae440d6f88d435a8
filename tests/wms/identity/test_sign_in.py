"""People of the office sign in: at a provider over HTTP, or by password; and out again, at once."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from simulators.oidc import Lie, Provider, ProviderServer
from tests.wms.house import Hand
from tests.wms.identity.offices import PASSWORD, Desk, Office
from wms.database import Database
from wms.identity import oidc
from wms.identity.accounts import begin_set_up
from wms.identity.model import Account, AccountSession, OneTime

ME = "/auth/v1/me"


@pytest.fixture
def office(database: Database, folder: Path) -> Office:
    return Office(database, folder)


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider(now=Hand().now)
    with ProviderServer(made):
        yield made


@pytest.fixture
def company(database: Database, folder: Path, provider: Provider) -> Office:
    office = Office(
        database, folder, oidc_issuer=provider.issuer, oidc_client_id="soko",
        oidc_client_secret=provider.client_secret, public_url="http://testserver",
    )  # fmt: skip
    provider.now = office.clock.now
    return office


def to_provider(desk: Desk, back: str = "/ui/floor") -> str:
    """Where the provider sends the browser back to."""
    sent = desk.ask("GET", f"/auth/v1/login?back={back}")
    assert sent.status_code == 302, sent.text
    answer = httpx2.get(sent.headers["location"], follow_redirects=False)
    assert answer.status_code == 302, answer.text
    path: str = answer.headers["location"].removeprefix("http://testserver")
    return path


# ---------------------------------------------------------------------------------- provider
def test_who_signs_in_at_the_provider_has_a_session_and_no_right_until_somebody_gives_one(
    company: Office,
):
    desk = company.desk()
    came = desk.ask("GET", to_provider(desk))
    assert (came.status_code, came.headers["location"]) == (302, "/ui/floor")
    cookie = came.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    me = desk.good("GET", ME)
    assert (me["name"], me["scopes"]) == ("Mori", [])
    assert desk.code("GET", "/console/v1/summary") == (403, "scope_missing")
    chief = company.chief()
    (account,) = [a for a in chief.good("GET", "/admin/v1/accounts") if a["by"] == "provider"]
    body = {"code": account["code"], "name": "Mori", "rights": [{"role": "supervisor"}]}
    chief.good("PUT", f"/admin/v1/accounts/{account['id']}", json=body)
    assert desk.ask("GET", "/console/v1/summary").status_code == 200
    again = company.desk()
    again.ask("GET", to_provider(again))
    assert again.good("GET", ME)["code"] == me["code"], "the same account"


@pytest.mark.parametrize(
    "lie",
    ["audience", "issuer", "nonce", "expired", "stranger", "own_keys", "unsigned", "symmetric",
     "nobody"],
)  # fmt: skip
def test_asvs_9_an_id_token_that_is_not_the_providers_or_not_for_us_opens_nothing(
    company: Office, provider: Provider, lie: Lie
):
    provider.lie = lie
    desk = company.desk()
    assert desk.code("GET", to_provider(desk)) == (401, "sign_in_refused")
    assert desk.code("GET", ME) == (401, "sign_in_over")


def test_asvs_10_2_1_a_sign_in_belongs_to_the_browser_that_began_it_and_is_good_once(
    company: Office, provider: Provider
):
    victim, thief = company.desk(), company.desk()
    path = to_provider(thief)
    assert victim.code("GET", path) == (401, "sign_in_refused"), "not begun in this browser"
    assert provider.asked == 0, "the provider is not even asked"
    assert thief.ask("GET", path).status_code == 302
    assert thief.code("GET", path) == (401, "sign_in_refused"), "once"
    late = to_provider(victim)
    company.clock.at += timedelta(minutes=11)
    assert victim.code("GET", late) == (401, "sign_in_refused")
    assert victim.code("GET", "/auth/v1/login?back=//evil.example")[0] == 422


def test_asvs_10_2_1_a_stolen_code_is_worth_nothing_without_its_verifier(
    company: Office,
):
    desk = company.desk()
    code = parse_qs(urlsplit(to_provider(desk)).query)["code"][0]
    other = company.desk()
    state = parse_qs(urlsplit(to_provider(other)).query)["state"][0]
    assert other.code("GET", f"/auth/v1/callback?code={code}&state={state}") == (
        401, "sign_in_refused",
    )  # fmt: skip


def test_the_provider_changes_its_keys_and_signs_people_in_all_the_same(
    company: Office, provider: Provider
):
    first = company.desk()
    first.ask("GET", to_provider(first))
    provider.change_keys()
    desk = company.desk()
    assert desk.ask("GET", to_provider(desk)).status_code == 302


def test_a_provider_that_is_away_is_a_problem_and_no_way_in(database: Database, folder: Path):
    office = Office(database, folder, oidc_issuer="http://127.0.0.1:9", oidc_client_id="soko")
    assert office.desk().code("GET", "/auth/v1/login") == (503, "provider_away")
    with pytest.raises(ValueError, match="https"):
        oidc.Provider("http://id.example.com", "soko", "", "")
    assert Office(database, folder).desk().code("GET", "/auth/v1/login") == (404, "not_found")


# ---------------------------------------------------------------------------------- password
def test_asvs_6_3_2_there_is_no_account_until_the_link_of_the_server_makes_one(office: Office):
    desk = office.desk()
    body = {"code": "admin", "password": "admin"}
    assert desk.code("POST", "/auth/v1/sign-in", json=body) == (401, "password_wrong")
    assert desk.code("GET", "/admin/v1/accounts") == (401, "key_missing")
    forged = {"token": "soko_u_" + "0" * 64, "code": "x", "name": "x", "password": PASSWORD}
    assert desk.code("POST", "/auth/v1/set-up", json=forged) == (422, "set_up_over")
    chief = office.chief()
    assert [a["code"] for a in chief.good("GET", "/admin/v1/accounts")] == ["chief"]


def test_the_set_up_link_is_good_once_and_for_half_an_hour(office: Office):
    desk = office.desk()
    token = office.database.run(lambda s: begin_set_up(s, now=office.clock.now()))
    body = {"token": token, "code": "chief", "name": "Chief", "password": "short"}
    assert desk.code("POST", "/auth/v1/set-up", json=body) == (422, "password_weak")
    own = body | {"password": "chief chief chief"}
    assert desk.code("POST", "/auth/v1/set-up", json=own) == (422, "password_weak")
    assert desk.ask("POST", "/auth/v1/set-up", json=body | {"password": PASSWORD}).is_success
    again = body | {"password": PASSWORD, "code": "second"}
    assert desk.code("POST", "/auth/v1/set-up", json=again) == (422, "set_up_over")
    late = office.database.run(lambda s: begin_set_up(s, now=office.clock.now()))
    office.clock.at += timedelta(minutes=31)
    assert desk.code("POST", "/auth/v1/set-up", json=again | {"token": late}) == (
        422, "set_up_over",
    )  # fmt: skip


def test_asvs_6_3_8_nobody_learns_who_has_an_account(office: Office):
    office.chief()
    office.services.limits.misses._burst = office.services.limits.misses._a_second = 1000.0
    told = []
    for code in ("chief", "nobody"):
        desk = office.desk()
        body = {"code": code, "password": "wrong wrong wrong"}
        answers = [desk.ask("POST", "/auth/v1/sign-in", json=body) for _ in range(6)]
        told.append([(a.status_code, a.json()["code"], a.json()["detail"]) for a in answers])
    assert told[0] == told[1]
    assert [code for _, code, _ in told[0]] == ["password_wrong"] * 5 + ["account_shut"]
    right = {"code": "chief", "password": PASSWORD}
    assert office.desk().code("POST", "/auth/v1/sign-in", json=right) == (429, "account_shut")
    office.clock.at += timedelta(minutes=16)
    assert office.desk().ask("POST", "/auth/v1/sign-in", json=right).status_code == 200


def test_asvs_7_4_a_session_ends_at_sign_out_when_shut_out_and_by_the_administrator(
    office: Office,
):
    chief = office.chief()
    desk = office.somebody(chief, "mori", {"role": "supervisor"})
    stolen = dict(desk.http.cookies)
    assert desk.ask("POST", "/auth/v1/sign-out").status_code == 204
    desk.http.cookies.update(stolen)
    assert desk.code("GET", ME) == (401, "sign_in_over"), "the token itself is dead"
    office.enter(desk, "mori")
    path = f"/admin/v1/accounts/{office.id_of('mori')}"
    command = {"command_id": "0193f5a0-0000-7000-8000-000000000001"}
    assert chief.good("POST", f"{path}:sign-out", json=command) == {"ended": 1}
    assert desk.code("GET", "/console/v1/summary") == (401, "sign_in_over")
    office.enter(desk, "mori")
    shut = {"code": "mori", "name": "Mori", "active": False, "rights": []}
    chief.good("PUT", path, json=shut)
    assert desk.code("GET", ME) == (401, "sign_in_over")
    again = {"code": "mori", "password": PASSWORD}
    assert desk.code("POST", "/auth/v1/sign-in", json=again) == (401, "password_wrong")


def test_asvs_7_3_a_session_left_alone_is_over_and_none_lasts_longer_than_a_day_of_work(
    office: Office,
):
    desk = office.chief()
    office.clock.at += timedelta(minutes=31)
    assert desk.code("GET", ME) == (401, "sign_in_over")
    office.enter(desk, "chief")
    answers = []
    for _ in range(26):
        office.clock.at += timedelta(minutes=29)
        answers.append(desk.code("GET", ME))
    assert answers[0] == (200, "")
    assert answers[-1] == (401, "sign_in_over")


def test_asvs_8_3_2_a_right_that_is_taken_away_is_gone_with_the_next_request(office: Office):
    chief = office.chief()
    desk = office.somebody(chief, "mori", {"role": "auditor"})
    assert desk.ask("GET", "/admin/v1/audit").status_code == 200
    body = {"code": "mori", "name": "Mori", "rights": [{"role": "clerk"}]}
    chief.good("PUT", f"/admin/v1/accounts/{office.id_of('mori')}", json=body)
    assert desk.code("GET", "/admin/v1/audit") == (403, "scope_missing")


def test_asvs_3_5_a_page_of_somebody_else_changes_nothing(office: Office):
    desk = office.chief()
    path = f"/admin/v1/accounts/{office.id_of('x')}"
    body = {"code": "x", "name": "X"}
    for origin in ("https://evil.example", "null", ""):
        answer = desk.ask("PUT", path, json=body, headers={"origin": origin})
        assert (answer.status_code, answer.json()["code"]) == (403, "wrong_origin"), origin
    assert desk.ask("PUT", path, json=body).status_code == 201


def test_asvs_7_1_only_hashes_of_tokens_and_passwords_are_kept(office: Office):
    desk = office.chief()
    token = next(iter(dict(desk.http.cookies).values()))

    def kept(session: Any) -> str:
        rows = [row for model in (Account, AccountSession, OneTime) for row in session.query(model)]
        return repr([[getattr(row, c.name) for c in row.__table__.columns] for row in rows])

    dumped = office.database.run(kept)
    assert PASSWORD not in dumped
    assert token not in dumped
    assert token.removeprefix("soko_a_") not in dumped
    assert "argon2id" in dumped


def test_with_https_the_cookie_is_secure_and_of_this_host_alone(database: Database, folder: Path):
    desk = Office(database, folder, public_url="https://testserver").chief()
    (cookie,) = desk.http.cookies.jar
    assert (cookie.name, cookie.secure, cookie.path) == ("__Host-soko", True, "/")
