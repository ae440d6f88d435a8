"""The way to a sorter's OPC UA server is closed: who is not who he should be does not come in.

The authority is the site's own; the server checks its clients by asyncua's own validator, we check
the server by ours.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from asyncua.client.client import Client
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from asyncua.ua import MessageSecurityMode
from asyncua.ua.uaerrors import UaError, UaStatusCodeError

from edge.authority import Authority
from edge.drivers import DeviceUnavailable, opcua
from edge.drivers.around import Around
from edge.identity import Identity, application_uri
from edge.messages import DeviceStatus
from simulators.live_conveyor import LiveConveyor, read_site
from simulators.live_sorter import Door
from tests.edge.live_cell import CLOCK, Wcs, a_driver, a_site, running, until
from tests.edge.test_opcua import scanned

pytestmark = pytest.mark.asyncio(loop_scope="module")
NOW = datetime.now(UTC)  # noqa: TID251 - certificates run by real time


@dataclass(frozen=True)
class Closed:
    """A sorter behind a closed door, and all that one needs to come in."""

    live: LiveConveyor
    folder: Path
    authority: Authority
    own: Identity

    def site(self, **row: Any) -> dict[str, Any]:
        """A site file as for a real sorter, but for what is said otherwise."""
        site = a_site(opcua_port=self.live.sorter_port)
        sorter = site["devices"][1]
        del sorter["security"], sorter["insecure"]
        sorter |= {"mode": "real", "user": "soko", "password_file": str(self.folder / "password")}
        sorter |= {"pki": str(self.folder / "pki"), "identity": "edge-T1"} | row
        return site


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def closed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Closed]:
    folder = tmp_path_factory.mktemp("closed")
    pki, trust = folder / "pki", folder / "trust"
    authority = Authority.create(pki, name="T1", now=NOW)
    own = authority.issue("edge-T1", NOW, use_rsa=True)
    server = authority.issue("sorter1", NOW, hosts=["127.0.0.1"], use_rsa=True)
    trust.mkdir()
    (trust / "ca.pem").write_bytes((pki / "ca.crt").read_bytes())
    (folder / "password").write_text("correct horse\n")
    door = Door(
        certificate=server.certificate,
        key=server.key,
        uri=application_uri("sorter1"),
        trust=trust,
        users={"soko": "correct horse"},
    )
    live = LiveConveyor(
        read_site(a_site(watchdog_s=0), "cv1"),
        clock=CLOCK,
        state_dir=folder,
        on_lane=lambda _lane, _code: None,
        door=door,
    )
    async with live:
        yield Closed(live, folder, authority, own)


@pytest.mark.parametrize("mode", ["SignAndEncrypt", "Sign"])
async def test_a_known_edge_sorts_encrypted_and_by_name(closed: Closed, mode: str):
    driver = a_driver(closed.site(security=mode), "sorter1")
    wcs = Wcs(driver)
    async with running(driver, wcs):
        await scanned(closed.live, f"L1-{mode}")
        await until(lambda: f"L1-{mode}" in closed.live.lane("L1"))
        assert driver.health()["security"] == mode
    assert [one.status for one in wcs.of(DeviceStatus)] == ["UP"]


async def refusal(closed: Closed, **row: Any) -> str:
    """Why that driver does not come in."""
    wcs = Wcs()
    with pytest.raises(DeviceUnavailable) as refused:
        await a_driver(closed.site(**row), "sorter1").run(wcs.say)
    assert wcs.heard == []
    return refused.value.detail


async def test_who_is_not_known_does_not_come_in(closed: Closed):
    (closed.folder / "wrong").write_text("wrong")
    detail = await refusal(closed, password_file=str(closed.folder / "wrong"))
    assert "BadUserAccessDenied" in detail

    stranger = Authority.create(closed.folder / "stranger", name="T2", now=NOW)
    stranger.issue("edge-T1", NOW, use_rsa=True)
    trust = str(closed.folder / "trust")
    detail = await refusal(closed, pki=str(closed.folder / "stranger"), trust=trust)
    assert "BadCertificateUntrusted" in detail, "the server does not know our authority"

    long_ago = NOW - timedelta(days=800)
    closed.authority.issue("edge-old", long_ago, use_rsa=True)
    assert "BadCertificateTimeInvalid" in await refusal(closed, identity="edge-old")

    assert "soko edge ca issue nobody" in await refusal(closed, identity="nobody")


async def test_a_server_that_is_not_trusted_never_hears_the_password(closed: Closed):
    """The edge trusts another authority than the one that has signed the server."""
    asked: list[str | None] = []
    iserver = closed.live._sorter._server.iserver  # type: ignore[attr-defined]
    users = iserver.user_manager
    known = users.get_user

    def get_user(*args: Any, username: str | None = None, **more: Any) -> Any:
        asked.append(username)
        return known(*args, username=username, **more)

    Authority.create(closed.folder / "other", name="T2", now=NOW)
    users.get_user = get_user
    try:
        detail = await refusal(closed, trust=str(closed.folder / "other" / "ca.crt"))
        assert "BadCertificateUntrusted" in detail
        assert asked == []

        closed.authority.issue("sorter9", NOW, use_rsa=True)
        pinned = closed.folder / "pinned"
        pinned.mkdir()
        server = closed.folder / "pki" / "devices" / "sorter1" / "cert.pem"
        (pinned / "sorter1.pem").write_bytes(server.read_bytes())
        driver = a_driver(closed.site(trust=str(pinned)), "sorter1")
        wcs = Wcs(driver)
        async with running(driver, wcs):
            await until(lambda: wcs.of(DeviceStatus))
        assert asked == ["soko"], "its very certificate is trusted"

        closed.authority.revoke("sorter1", NOW)
        assert "BadCertificateRevoked" in await refusal(closed)
    finally:
        users.get_user = known
        (closed.folder / "pki" / "ca.crl").unlink()


async def test_a_foreign_client_comes_in_by_the_same_door_only(closed: Closed):
    url = f"opc.tcp://127.0.0.1:{closed.live.sorter_port}"
    client = Client(url, timeout=2)
    with pytest.raises(UaError):
        await client.connect()
    for user in (None, "soko"):
        client = Client(url, timeout=2)
        client.application_uri = application_uri("edge-T1")
        await client.set_security(
            SecurityPolicyBasic256Sha256,
            closed.own.certificate,
            closed.own.key,
            mode=MessageSecurityMode.SignAndEncrypt,
        )
        if user is None:
            with pytest.raises(UaStatusCodeError, match=r"Identity|Denied"):
                await client.connect()
            with suppress(Exception):
                await client.disconnect()
            continue
        client.set_user(user)
        client.set_password("correct horse")
        async with client:
            assert await client.get_namespace_index("urn:soko:sorter")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({}, "wants `user`"),
        ({"security": "None"}, "insecure = true"),
        ({"security": "None", "insecure": True, "host": "192.0.2.1"}, "loopback"),
        ({"security": "None", "insecure": True, "mode": "real"}, "never for a device of mode real"),
        ({"insecure": True, "mode": "real"}, "wants `user`"),
        ({"security": "Basic256Sha256,Sign,c,k"}, "security is one of"),
        ({"user": "soko"}, "go together"),
        ({"user": "soko", "password_file": "x", "policy": "Basic128Rsa15"}, "policy one of"),
    ],
)
async def test_what_is_not_safe_is_refused_before_anything_is_connected(
    row: dict[str, Any], problem: str, tmp_path: Path
):
    device = {"name": "sorter1", "port": 4840, **row}
    with pytest.raises(ValueError, match=problem):
        opcua.make(device, Around(clock=CLOCK, site=a_site(), state_dir=tmp_path))


async def test_a_simulator_without_a_door_serves_the_loopback_interface_only(tmp_path: Path):
    site = a_site()
    site["devices"][1]["host"] = "192.0.2.1"
    with pytest.raises(ValueError, match="loopback"):
        LiveConveyor.from_site(
            site, "cv1", clock=CLOCK, state_dir=tmp_path, on_lane=lambda _lane, _code: None
        )
