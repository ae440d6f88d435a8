"""Who a machine is: certificates of a site's own authority, and what brokers let each do."""

import os
import shutil
import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode
from uuid import uuid1

import pytest
import trustme

from edge.authority import Authority
from edge.broker import Kind, secured_child, write_settings
from edge.clock import SystemClock
from edge.drivers.vda5050_wire import topic
from edge.identity import Identity, identity_of
from edge.mqtt import (
    BlockingBus,
    Will,
    frame_topic,
    live_topic,
    presence,
    presence_topic,
    raw_topic,
    stream_ack_topic,
    stream_data_topic,
)
from edge.ports import free_port
from edge.process import Child
from edge.rights import rights_of
from edge.site import read_site
from tests.edge.waiting import eventually

NOW = SystemClock().now()
SITE = """
[site]
code = "S1"
[[devices]]
name = "fleet"
driver = "vda5050"
[[devices]]
name = "reader"
driver = "llrp"
port = 5084
says = ["r700/dock/+"]
hears = ["r700/dock/do"]
[[robots]]
name = "R-01"
manufacturer = "AC.ME"
serial = "a"
[[robots]]
name = "R-02"
manufacturer = "AC.ME"
serial = "b"
"""
STATE_A, STATE_B = "uagv/v2/AC.ME/a/state", "uagv/v2/AC.ME/b/state"
ORDER_A, ORDER_B = "uagv/v2/AC.ME/a/order", "uagv/v2/AC.ME/b/order"


@dataclass
class Secured:
    """A broker with mutual TLS, and the authority of those who come to it."""

    kind: Kind
    folder: Path
    pki: Authority
    child: Child
    port: int

    def url(self, name: str, *, identity: Identity | None = None) -> str:
        files = identity or identity_of(self.folder / "pki", name)
        query = {"ca": files.ca, "cert": files.certificate, "key": files.key}
        return f"mqtts://localhost:{self.port}?{urlencode(query)}"

    def bus(self, name: str, *, identity: Identity | None = None) -> BlockingBus:
        return BlockingBus(self.url(name, identity=identity), client_id=f"{name}-{uuid1()}")

    def lets_in(self, identity: Identity) -> bool:
        with self.bus("host.site", identity=identity) as bus:  # also a client id with a dot
            return bus.until_connected(0.5)

    def hears(self, identity: Identity, where: str) -> bool:
        """Whether what it says there arrives."""
        with self.bus("edge-S1") as edge, self.bus("x", identity=identity) as bus:
            edge.subscribe("uagv/v2/+/+/state", qos=1)
            assert edge.until_connected(10)
            assert edge.until_settled(10)
            if not bus.until_connected(0.5):
                return False
            bus.publish(where, b"hear me", qos=1)
            return edge.receive(0.3) is not None

    def copy(self, name: str, to: Path) -> Identity:
        files = identity_of(self.folder / "pki", name)
        shutil.copytree(files.certificate.parent.resolve(), to)
        return Identity(to / "cert.pem", to / "key.pem", files.ca)

    def reload(self) -> None:
        """What an operator does: write the settings again, SIGHUP."""
        own = identity_of(self.folder / "pki", "broker")
        rights = rights_of([read_site(SITE)], known={one.name for one in self.pki.issued()})
        write_settings(self.folder, rights, own, listen=("127.0.0.1", self.port), kind=self.kind)
        assert self.child.pid is not None
        os.kill(self.child.pid, signal.SIGHUP)


@pytest.fixture(scope="module", params=["nats", "mosquitto"])
def secured(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Secured]:
    kind: Kind = request.param
    request.getfixturevalue(f"{kind}_url")  # skips where it is not installed
    folder = tmp_path_factory.mktemp(kind)
    pki = Authority.create(folder / "pki", name="S1", now=NOW)
    own = pki.issue("broker", NOW, hosts=["localhost", "127.0.0.1"])
    for name in ("edge-S1", "wcs-S1", "wms", "R-01", "R-02", "reader", "stranger"):
        pki.issue(name, NOW)
    port = free_port()
    rights = rights_of([read_site(SITE)])
    with secured_child(folder, rights, own, port=port, kind=kind) as child:
        yield Secured(kind, folder, pki, child, port)


def cut(bus: BlockingBus) -> None:
    """End its connection without a goodbye."""
    if (line := bus._link.client.socket()) is not None:
        assert isinstance(line, ssl.SSLSocket)
        line.shutdown(socket.SHUT_RDWR)


def test_a_robot_cannot_speak_as_another(secured: Secured):
    with ExitStack() as stack:
        edge, a, b = (stack.enter_context(secured.bus(n)) for n in ("edge-S1", "R-01", "R-02"))
        edge.subscribe("uagv/v2/+/+/state", qos=1)
        for bus in (edge, a, b):
            assert bus.until_connected(10)
        assert edge.until_settled(10)
        a.publish(STATE_B, b"a as b", qos=1)
        a.publish(STATE_A, b"a as a", qos=1)
        b.publish(STATE_B, b"b as b", qos=1)
        heard = [edge.receive(10), edge.receive(10)]
        assert {m.body for m in heard if m} == {b"a as a", b"b as b"}
        assert edge.receive(0.2) is None


def test_everybody_gets_what_its_work_needs(secured: Secured):
    """The rights are enough, too: every topic of ours, from who says it to who hears it."""
    ways = [
        ("edge-S1", "wcs-S1", stream_data_topic("S1", "edge", "wcs")),
        ("wcs-S1", "edge-S1", stream_ack_topic("S1", "edge", "wcs")),
        ("wcs-S1", "wms", stream_data_topic("S1", "wcs", "wms")),
        ("wms", "wcs-S1", stream_ack_topic("S1", "wcs", "wms")),
        ("wms", "wcs-S1", stream_data_topic("S1", "wms", "wcs")),
        ("wcs-S1", "wms", stream_ack_topic("S1", "wms", "wcs")),
        ("edge-S1", "wcs-S1", live_topic("S1", "edge")),
        ("wcs-S1", "edge-S1", live_topic("S1", "wcs")),
        ("wcs-S1", "wms", frame_topic("S1")),
        ("edge-S1", "wcs-S1", presence_topic("S1", "edge")),
        ("edge-S1", "wms", raw_topic("S1", "gate-1")),
        ("R-01", "edge-S1", STATE_A),
        ("edge-S1", "R-01", ORDER_A),
        ("R-01", "edge-S1", topic("AC.ME", "a", "state", major=3)),
        ("edge-S1", "R-01", topic("AC.ME", "a", "responses", major=3)),
        ("reader", "edge-S1", "r700/dock/tags"),
        ("edge-S1", "reader", "r700/dock/do"),
    ]
    with ExitStack() as stack:
        names = {name for way in ways for name in way[:2]}
        buses = {name: stack.enter_context(secured.bus(name)) for name in names}
        for name, bus in buses.items():
            for each in {way[2] for way in ways if way[1] == name}:
                bus.subscribe(each, qos=1)
            assert bus.until_connected(10)
            assert bus.until_settled(10)
        for speaker, _, where in ways:
            buses[speaker].publish(where, f"{speaker} {where}".encode(), qos=1)
        for name, bus in buses.items():
            wanted = {f"{way[0]} {way[2]}" for way in ways if way[1] == name}
            heard = [bus.receive(10) for _ in wanted]
            assert {one.body.decode() for one in heard if one} == wanted
        here = presence_topic("S1", "edge")
        buses["edge-S1"].publish(here, presence(is_up=True), qos=1, retain=True)
        assert buses["wcs-S1"].receive(10)
        with secured.bus("wcs-S1") as late:
            late.subscribe(here)
            kept = late.receive(10)
            assert kept is not None
            assert (kept.body, kept.retained) == (presence(is_up=True), True)


def test_a_robot_hears_its_own_orders_only_and_cannot_leave_a_will_for_another(secured: Secured):
    will = Will(topic=STATE_B, body=b"a's will for b")
    with ExitStack() as stack:
        edge = stack.enter_context(secured.bus("edge-S1"))
        edge.subscribe("uagv/v2/+/+/state", qos=1)
        b = stack.enter_context(secured.bus("R-02"))
        b.subscribe(ORDER_B, qos=1)
        b.subscribe(ORDER_A, qos=1)
        a = BlockingBus(secured.url("R-01"), client_id="a", will=will)
        with a:
            a.until_connected(10 if secured.kind == "mosquitto" else 0.3)  # nats refuses the will
            cut(a)
        assert edge.until_settled(10)
        assert b.until_settled(10)
        edge.publish(ORDER_A, b"for a", qos=1)
        edge.publish(ORDER_B, b"for b", qos=1)
        heard = b.receive(10)
        assert heard is not None
        assert heard.body == b"for b"
        assert b.receive(0.2) is None
        assert edge.receive(0.2) is None


def test_who_is_not_known_or_not_certified_gets_nothing(secured: Secured, tmp_path: Path):
    foreign = trustme.CA()
    false = foreign.issue_cert("x.test", common_name="R-01")
    false.cert_chain_pems[0].write_to_path(tmp_path / "c.pem")
    false.private_key_pem.write_to_path(tmp_path / "k.pem")
    ours = secured.folder / "pki" / "ca.crt"
    posing = Identity(tmp_path / "c.pem", tmp_path / "k.pem", ours)
    for bus in (
        secured.bus("R-01", identity=posing),
        BlockingBus(f"mqtts://localhost:{secured.port}?ca={ours}", client_id="bare"),
    ):
        with bus:
            assert not bus.until_connected(0.25)
    with secured.bus("edge-S1") as edge, secured.bus("stranger") as stranger:
        edge.subscribe("uagv/v2/+/+/state", qos=1)
        assert edge.until_connected(10)
        assert edge.until_settled(10)
        if stranger.until_connected(0.25):  # mosquitto lets it in, and nothing of what it says
            stranger.publish(STATE_A, b"who am I", qos=1)
        assert edge.receive(0.3) is None


def test_a_renewed_certificate_is_taken_over_and_a_stolen_key_is_of_no_more_use(
    secured: Secured, tmp_path: Path
):
    stolen = secured.copy("R-01", tmp_path / "stolen")
    with secured.bus("R-01") as bus:
        assert bus.until_connected(10)
        secured.pki.renew(NOW, names=["R-01"])
        assert secured.hears(stolen, STATE_A), "what it had is valid until it ends or is revoked"
        secured.pki.renew(NOW, names=["R-01"])  # twice: the first can still be revoked
        secured.pki.revoke("R-01", NOW, older=True)
        secured.reload()
        cut(bus)
        eventually(lambda: not bus.connected)
        eventually(lambda: bus.connected)
    eventually(lambda: not secured.hears(stolen, STATE_A))
    assert secured.hears(identity_of(secured.folder / "pki", "R-01"), STATE_A)
    assert secured.kind == "nats" or not secured.lets_in(stolen), "nats-server lets it say nothing"


def test_who_is_revoked_stays_out(secured: Secured, tmp_path: Path):
    stolen = secured.copy("R-02", tmp_path / "stolen")
    assert secured.lets_in(stolen)
    secured.pki.revoke("R-02", NOW)
    secured.reload()
    eventually(lambda: not secured.hears(stolen, STATE_B))
    assert secured.kind == "nats" or not secured.lets_in(stolen)
    secured.pki.issue("R-02", NOW)  # for the tests that follow
    secured.reload()
    eventually(lambda: secured.lets_in(identity_of(secured.folder / "pki", "R-02")))
