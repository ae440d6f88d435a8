"""Who may say and hear what on the broker of a site: rights, and brokers' settings made of them.

Pure: site files in, text out. Everybody is known by the common name of its certificate
(edge.identity); who has none, or is not in the list, gets nothing.

    edge-SITE   soko/v1/SITE/edge/…, acknowledgements to others; orders of its own robots
    wcs-SITE    soko/v1/SITE/wcs/…, the picture; hears all of its site
    wms         soko/v1/+/wms/…; hears all sites
    a robot     says its own state, connection, visualization, factsheet; hears its own order,
                instantActions, zoneSet, responses
    a light, a reader (or what else speaks MQTT by itself) the topics of its driver, or those that
                its row names: `says`, `hears`

Who is revoked is to be left out (`known` of `rights_of`), since NATS reads no list of revocations.
A single certificate, of a machine that goes on under its name with another, is known there by the
name that it alone has: as a user without any right, whom NATS finds before the common name.

mosquitto knows topics; NATS knows subjects, in which `/` is `.`, and a `.` of a topic is `//`.
mosquitto says yes to a subscription that is not allowed and delivers nothing; NATS refuses it. A
publication that is not allowed vanishes on both, and is logged by NATS.

Source: mosquitto.conf(5), "acl_file"; NATS documentation, "MQTT" and "Authorization"; VDA 5050,
6.2 (topics of a robot).
"""

import json
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.identity import Identity, own_name
from edge.site import EdgeSite, Row

BROKER, WMS = "broker", "wms"
ROBOT_SAYS = ("state", "connection", "visualization", "factsheet")
ROBOT_HEARS = ("order", "instantActions", "zoneSet", "responses")
ROBOT_MAJORS = (2, 3)  # versions of VDA 5050

_MQTT_OF_NATS = ("$MQTT.sub.>",)  # what NATS delivers QoS 1 through; it is bound to the session


@dataclass(frozen=True, slots=True)
class Rights:
    """Topic filters (MQTT) of what one may publish and subscribe to."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def rights_of(sites: Sequence[EdgeSite], known: Container[str] | None = None) -> dict[str, Rights]:
    """The rights of everybody on a broker that these sites share, by common name.

    `known` are those who have a certificate; without it, everybody counts as having one.
    """
    rights: dict[str, Rights] = {}
    for site in sites:
        tree = f"soko/v1/{site.code}"
        machines = {name: _machine(row) for name, row in site.devices.items() if _speaks(row)}
        robots = {row["name"]: _robot(row, _interface(site, row)) for row in site.tables["robots"]}
        everything = [*machines.values(), *robots.values()]
        rights |= {**machines, **robots}
        fleets = {_interface(site, row) for row in site.tables["robots"]}
        rights[f"edge-{site.code}"] = Rights(
            (*_own(site.code, "edge"), *(topic for one in everything for topic in one.subscribe)),
            (
                f"{tree}/edge/#",
                f"{tree}/wcs/#",
                *(f"{one}/+/+/{topic}" for one in _trees(*sorted(fleets)) for topic in ROBOT_SAYS),
                *(topic for one in machines.values() for topic in one.publish),
            ),
        )
        rights[f"wcs-{site.code}"] = Rights(
            (*_own(site.code, "wcs"), f"{tree}/frame"), (f"{tree}/#",)
        )
    rights[WMS] = Rights(
        tuple(topic for site in sites for topic in _own(site.code, "wms")),
        tuple(f"soko/v1/{site.code}/#" for site in sites),
    )
    return {name: has for name, has in rights.items() if known is None or name in known}


def mosquitto_acl(rights: Mapping[str, Rights]) -> str:
    """The `acl_file` of mosquitto."""
    lines = ["# written by soko: who may say and hear what; common names of certificates"]
    for name, has in sorted(rights.items()):
        lines += ["", f"user {name}"]
        lines += [f"topic write {topic}" for topic in has.publish]
        lines += [f"topic read {topic}" for topic in has.subscribe]
    return "\n".join(lines) + "\n"


def mosquitto_settings(listen: tuple[str, int], own: Identity, folder: Path, user: str) -> str:
    """The configuration of mosquitto beside `mosquitto.acl` in that folder."""
    return _MOSQUITTO.format(
        host=listen[0], port=listen[1], user=user, folder=folder, own=own,
        revoked=own.ca.with_suffix(".crl"),
    )  # fmt: skip


def nats_settings(
    rights: Mapping[str, Rights],
    listen: tuple[str, int],
    own: Identity,
    folder: Path,
    revoked: Iterable[int] = (),
) -> str:
    """The configuration of nats-server, which keeps its messages in that folder.

    `revoked` are the serial numbers of certificates that are valid no more.
    """
    nothing = {"publish": {"deny": [">"]}, "subscribe": {"deny": [">"]}}
    users = [{"user": own_name(serial), "permissions": nothing} for serial in sorted(revoked)]
    users += [
        {
            "user": f"CN={name}",
            "permissions": {
                "publish": {"allow": [*_subjects(has.publish)]},
                "subscribe": {"allow": [*_subjects(has.subscribe), *_MQTT_OF_NATS]},
            },
        }
        for name, has in sorted(rights.items())
    ]
    files = {"cert": own.certificate, "key": own.key, "ca": own.ca}
    return _NATS.format(
        listen=json.dumps(f"{listen[0]}:{listen[1]}"),
        store=json.dumps(str(folder / "nats")),
        users=",\n    ".join(json.dumps(user) for user in users),
        **{name: json.dumps(str(path)) for name, path in files.items()},
    )


def _own(code: str, sender: str) -> tuple[str, str]:
    """Its own tree, and the acknowledgements of what others send to it."""
    return f"soko/v1/{code}/{sender}/#", f"soko/v1/{code}/+/{sender}/ack"


def _robot(row: Row, interface: str) -> Rights:
    own = [f"{tree}/{row['manufacturer']}/{row['serial']}" for tree in _trees(interface)]
    return Rights(
        tuple(f"{one}/{topic}" for one in own for topic in ROBOT_SAYS),
        tuple(f"{one}/{topic}" for one in own for topic in ROBOT_HEARS),
    )


def _interface(site: EdgeSite, robot: Row) -> str:
    """The first word of its topics, which its device may say."""
    device = site.devices[site.robot_device[robot["name"]]]
    return str(device.get("interface", "uagv"))


def _trees(*interfaces: str) -> list[str]:
    return [f"{interface}/v{major}" for interface in interfaces for major in ROBOT_MAJORS]


def _machine(row: Row) -> Rights:
    """What its row says, else the topics of its driver's own."""
    says: list[str] = []
    hears: list[str] = []
    if row["driver"] == "lights":
        prefix = row.get("prefix", f"soko/lights/{row['name']}")
        says, hears = [f"{prefix}/+/pressed", f"{prefix}/+/online"], [f"{prefix}/+/set"]
    elif row["driver"] == "portals":
        prefix = row.get("prefix", f"soko/building/{row['name']}")
        says = [f"{prefix}/portals/+/state", f"{prefix}/circuits/+/state", f"{prefix}/online"]
        hears = [f"{prefix}/portals/+/set"]
    elif row["driver"] == "fleet_api" and row.get("over") == "mqtt":
        prefix = row.get("prefix", f"soko/fleet/{row['name']}")
        says = [f"{prefix}/missions/+/state", f"{prefix}/online"]
        hears = [f"{prefix}/missions/+/set"]
    elif row["driver"] in {"impinj", "zebra"}:  # over HTTP they have neither
        says = [row["topic"]] if "topic" in row else []
        hears = [row["control"]] if "control" in row else []
    return Rights(tuple(row.get("says", says)), tuple(row.get("hears", hears)))


def _speaks(row: Row) -> bool:
    return _machine(row) != Rights((), ())


def _subjects(filters: Iterable[str]) -> Iterator[str]:
    """NATS subjects of MQTT topic filters; `a/#` is also `a` itself."""
    for topic in filters:
        subject = topic.replace(".", "//").replace("/#", "/>").replace("+", "*")
        yield _dots(subject)
        if topic.endswith("/#"):
            yield _dots(subject.removesuffix("/>"))


def _dots(subject: str) -> str:
    return "//".join(part.replace("/", ".") for part in subject.split("//"))


_MOSQUITTO = """\
# written by soko: everybody comes with a certificate, which says who it is
listener {port} {host}
cafile {own.ca}
crlfile {revoked}
certfile {own.certificate}
keyfile {own.key}
require_certificate true
use_identity_as_username true
allow_anonymous false
tls_version tlsv1.2
acl_file {folder}/mosquitto.acl
user {user}
persistence true
persistence_location {folder}/mosquitto/
autosave_interval 1
set_tcp_nodelay true
max_queued_messages 100000
log_dest stdout
"""

_NATS = """\
# written by soko: everybody comes with a certificate, which says who it is
server_name: "soko"
listen: "127.0.0.1:-1"   # the port of NATS itself is not used: any free one
max_payload: 8MB
jetstream {{
  store_dir: {store}
  sync_interval: "5s"
  max_memory_store: 64MB
  max_file_store: 4GB
}}
mqtt {{
  listen: {listen}
  tls {{
    cert_file: {cert}
    key_file: {key}
    ca_file: {ca}
    verify_and_map: true
    timeout: 5
  }}
}}
authorization {{
  users: [
    {users}
  ]
}}
"""
