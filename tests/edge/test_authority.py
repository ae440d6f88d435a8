"""Certificates of a site's own authority, by code and by hand, and rights made of site files."""

import shutil
import ssl
import stat
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from cryptography import x509
from structlog.testing import capture_logs
from typer.testing import CliRunner

from edge.authority import Authority, AuthorityFault
from edge.commands import edge
from edge.identity import Identity, IdentityMissing, identity_of, own_name
from edge.rights import Rights, mosquitto_acl, nats_settings, rights_of
from edge.site import read_site
from edge.tls import ClientTls
from tests.edge.test_identity import NOW, SITE


def understand(server: Identity, client: Identity) -> bool:
    """Whether a TLS handshake of these two with certificates of both succeeds."""
    contexts = []
    for purpose, files in ((ssl.Purpose.CLIENT_AUTH, server), (ssl.Purpose.SERVER_AUTH, client)):
        context = ssl.create_default_context(purpose, cafile=files.ca)
        context.load_cert_chain(files.certificate, files.key)
        context.verify_mode = ssl.CERT_REQUIRED
        contexts.append(context)
    a, b = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        contexts[0].wrap_bio(a, b, server_side=True),
        contexts[1].wrap_bio(b, a, server_hostname="localhost"),
    ]
    try:
        for _ in range(5):
            for side in sides:
                with suppress(ssl.SSLWantReadError):
                    side.do_handshake()
    except ssl.SSLError:
        return False
    return True


def test_a_new_authority_takes_over_while_everybody_goes_on(tmp_path: Path):
    pki = Authority.create(tmp_path / "pki", name="S1", now=NOW)
    server, robot = pki.issue("broker", NOW, hosts=["localhost"]), pki.issue("R-01", NOW)
    old = Identity(*(Path(shutil.copy(path, tmp_path / path.name)) for path in robot.at_once()))
    pki.rotate(NOW)
    assert understand(server, robot)
    pki.renew(NOW, names=["R-01"])
    assert understand(server, robot), "of the new authority, with one of the old"
    assert understand(server, old._replace(ca=robot.ca))
    with pytest.raises(AuthorityFault, match="broker"):
        pki.retire(NOW)
    pki.renew(NOW, names=["broker"])
    assert not understand(server, old), "it has not got the new list of authorities"
    assert understand(server, old._replace(ca=robot.ca))
    pki.retire(NOW)
    assert understand(server, robot)
    assert not understand(server, old._replace(ca=robot.ca)), "the old authority is not trusted"


def test_files_are_as_promised(tmp_path: Path):
    with pytest.raises(AuthorityFault, match="soko edge ca create"):
        Authority(tmp_path / "pki")
    pki = Authority.create(tmp_path / "pki", name="S1", now=NOW)
    with pytest.raises(AuthorityFault, match="already"):
        Authority.create(tmp_path / "pki", name="S1", now=NOW)
    with pytest.raises(IdentityMissing, match="ca issue sorter1"):
        identity_of(tmp_path / "pki", "sorter1")
    for name in ("", "..", "a/b", "a b", "-a", "a" * 65):
        with pytest.raises(ValueError, match="device id"):
            pki.issue(name, NOW)
    mine = pki.issue("sorter1", NOW, hosts=["10.0.0.7", "plc.site"], use_rsa=True)
    for secret in (mine.key, tmp_path / "pki" / "ca.key"):
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    certificate = x509.load_der_x509_certificate(mine.certificate_der.read_bytes())
    assert certificate.subject.rfc4514_string() == "CN=sorter1"
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["urn:soko:edge:sorter1"]
    alone, host = names.get_values_for_type(x509.DNSName)
    assert (alone, host) == (own_name(certificate.serial_number), "plc.site")
    (issued,) = pki.issued()
    assert (issued.name, issued.hosts, issued.rsa) == ("sorter1", ("plc.site", "10.0.0.7"), True)
    assert not issued.is_due(NOW + timedelta(days=59))
    assert pki.renew(NOW + timedelta(days=59)) == []
    assert pki.renew(NOW + timedelta(days=61)) == [mine]
    assert next(pki.issued()).serial != issued.serial
    pki.revoke("sorter1", NOW)
    assert list(pki.issued()) == []
    with pytest.raises(AuthorityFault, match="no certificate"):
        pki.revoke("sorter1", NOW)


def test_a_certificate_that_cannot_be_read_is_said_and_the_one_before_is_used(tmp_path: Path):
    pki = Authority.create(tmp_path / "pki", name="S1", now=NOW)
    mine = pki.issue("R-01", NOW)
    query = urlencode({"ca": mine.ca, "cert": mine.certificate, "key": mine.key})
    tls = ClientTls(query, {})
    mine.certificate.resolve().write_bytes(b"torn")
    with capture_logs() as logs:
        tls.renew()
    assert [entry["event"] for entry in logs] == ["identity.unreadable"]
    other = pki.issue("R-02", NOW)
    names = {"SOKO_MQTT_CA": str(mine.ca), "SOKO_MQTT_CERT": str(other.certificate)}
    by_names = ClientTls("", names | {"SOKO_MQTT_KEY": str(other.key)})
    assert len(by_names.context.get_ca_certs()) == 1
    assert by_names.context.minimum_version == ssl.TLSVersion.TLSv1_2
    with pytest.raises(ValueError, match="go together"):
        ClientTls("", names)
    with pytest.raises(ValueError, match="not \\['pass'\\]"):
        ClientTls("pass=x", {})


def test_lights_and_readers_have_the_topics_of_their_driver():
    rows = (
        {"name": "wall", "driver": "lights"},
        {"name": "dock", "driver": "zebra", "topic": "z/dock/data", "control": "z/dock/cmd"},
        {"name": "shelf", "driver": "impinj", "port": 443},
    )
    site = read_site(SITE)
    more = {str(row["name"]): row for row in rows}
    rights = rights_of([replace(site, devices={**site.devices, **more})])
    assert rights["dock"] == Rights(("z/dock/data",), ("z/dock/cmd",))
    assert "shelf" not in rights
    assert rights["wall"] == Rights(
        ("soko/lights/wall/+/pressed", "soko/lights/wall/+/online"), ("soko/lights/wall/+/set",)
    )
    assert "soko/lights/wall/+/set" in rights["edge-S1"].publish
    assert "soko/lights/wall/+/online" in rights["edge-S1"].subscribe


def test_rights_as_brokers_write_them():
    rights = rights_of([read_site(SITE)], known={"R-01", "edge-S1", "wms"})
    assert set(rights) == {"R-01", "edge-S1", "wms"}
    acl = mosquitto_acl(rights)
    assert "user R-01\ntopic write uagv/v2/AC.ME/a/state\n" in acl
    assert "R-02" not in acl
    own = Identity(Path("c"), Path("k"), Path("ca.crt"))
    settings = nats_settings(rights, ("0.0.0.0", 8883), own, Path("f"))  # noqa: S104
    assert '"uagv.v2.AC//ME.a.state"' in settings
    assert '"soko.v1.S1.edge.>", "soko.v1.S1.edge", "soko.v1.S1.*.edge.ack"' in settings


def test_by_hand_from_nothing_to_a_broker_that_knows_everybody(tmp_path: Path):
    site, pki = tmp_path / "site.toml", tmp_path / "pki"
    site.write_text(SITE)

    def soko(*words: str) -> str:
        done = CliRunner().invoke(edge, [*words, "--pki", str(pki)], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    refused = CliRunner().invoke(edge, ["ca", "issue", "R-01", "--pki", str(pki)])
    assert (refused.exit_code, "soko edge ca create" in refused.output) == (1, True)
    soko("ca", "create", "--name", "S1")
    soko("ca", "issue", "broker", "--host", "localhost")
    soko("ca", "issue", "--site", str(site))
    assert soko("ca", "issue", "--site", str(site)) == "", "everybody has one"
    config = ["broker-config", "--site", str(site), "--dir", str(tmp_path / "b")]
    for kind in ("nats", "mosquitto"):
        written = soko(*config, "--kind", kind)
        assert "6 may come in" in written
    listed = soko("ca", "list").splitlines()
    assert [line.split()[0] for line in listed] == [
        "R-01", "R-02", "broker", "edge-S1", "reader", "wcs-S1", "wms",
    ]  # fmt: skip
    assert "localhost" in listed[2]
    soko("ca", "revoke", "R-02")
    assert "without rights: R-02" in soko(*config)
    assert "R-02" not in (tmp_path / "b" / "mosquitto.acl").read_text()
    soko(*config, "--user", "broker")
    assert "user broker\n" in (tmp_path / "b" / "mosquitto.conf").read_text()
    assert "0 renewed" in soko("ca", "renew")
    soko("ca", "rotate")
    assert "6 renewed" in soko(
        "ca", "renew", *(line.split()[0] for line in listed if "R-02" not in line)
    )
    soko("ca", "retire")
