"""The sorter's PLC as an OPC UA server.

    Objects / <device> (namespace urn:soko:sorter)
        StateCurrent   Int32     PackML: 6 execute, 5 suspended
        Heartbeat      UInt32    counts up while the PLC lives
        Stream         String    names the PLC's memory; a new one counts sequences from 1 again
        Confirmations  String[]  all that is not acknowledged, in order, one JSON object each
        OnLoop         Int32     cartons on the loop
        Lanes / <lane> Int32     cartons in that lane
        Acknowledged   UInt64    written by the WCS: safe up to this sequence
        WcsHeartbeat   UInt32    written by the WCS: it lives
        Divert(Tracking: UInt64, Lane: String) -> Result: Int32

A client may write `Acknowledged` and `WcsHeartbeat` and call `Divert`, nothing else. Because
`Confirmations` always holds everything that is open, a client that comes late or comes back
needs one read and no history.

With a `Door` it takes only signed and encrypted connections of clients that it trusts and users
that it knows. Without one it lets anybody in, unencrypted, and therefore serves only the loopback
interface. Source: OPC 10000-2, -3 and -4; PackML state numbers of OPC 30050.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from asyncua import ua
from asyncua.common.callback import CallbackType, ServerItemCallback
from asyncua.common.methods import uamethod
from asyncua.common.node import Node
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.crypto.truststore import TrustStore
from asyncua.crypto.validator import CertificateValidator, CertificateValidatorOptions
from asyncua.server.server import Server
from asyncua.server.user_managers import UserManager
from asyncua.ua.object_ids import ObjectIds
from typing_extensions import override

from simulators.conveyor import CellState
from simulators.sorter import JAM, SorterState, confirmation_json

NAMESPACE = "urn:soko:sorter"
EXECUTE, SUSPENDED, ABORTED = 6, 5, 9
_CLOSED = [
    ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
    ua.SecurityPolicyType.Basic256Sha256_Sign,
    ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
]

_VARIABLES: dict[str, tuple[Any, ua.VariantType]] = {
    "StateCurrent": (SUSPENDED, ua.VariantType.Int32),
    "Heartbeat": (0, ua.VariantType.UInt32),
    "Stream": ("", ua.VariantType.String),
    "Confirmations": ([], ua.VariantType.String),
    "OnLoop": (0, ua.VariantType.Int32),
    "Acknowledged": (0, ua.VariantType.UInt64),
    "WcsHeartbeat": (0, ua.VariantType.UInt32),
}


@dataclass(frozen=True, slots=True)
class SorterCalls:
    """What a client may bring about."""

    divert: Callable[[int, str], int]
    acknowledge: Callable[[int], None]
    alive: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Door:
    """Who may come in: own certificate and key (PEM), a folder of trusted ones, users."""

    certificate: Path
    key: Path
    uri: str
    trust: Path
    users: Mapping[str, str]  # name -> password


class _Users(UserManager):
    def __init__(self, users: Mapping[str, str]) -> None:
        self._users = users

    @override
    def get_user(
        self,
        iserver: Any,
        username: str | None = None,
        password: str | None = None,
        certificate: Any = None,
    ) -> User | None:
        if username is None or password is None or self._users.get(username) != password:
            return None
        return User(role=UserRole.User, name=username)


def packml_state(sorter: SorterState) -> int:
    """The PackML number of what the sorter does."""
    if JAM in sorter.held_by:
        return ABORTED
    return SUSPENDED if sorter.held_by else EXECUTE


class SorterServer:
    """Serves one sorter's state; `publish` shows what has been written down already."""

    def __init__(
        self,
        device: str,
        address: tuple[str, int],
        calls: SorterCalls,
        door: Door | None = None,
    ) -> None:
        if door is None and not ip_address(address[0]).is_loopback:
            raise ValueError(f"{device}: anonymous OPC UA is for the loopback interface only")
        self._device = device
        self._address = address
        self._calls = calls
        self._door = door
        self._nodes: dict[str, Node] = {}
        self._shown: dict[str, Any] = {}
        self._publishing = asyncio.Lock()
        self._server: Server | None = None

    @property
    def port(self) -> int:
        """The port that it listens on."""
        assert self._server is not None
        assert self._server.bserver is not None
        return int(self._server.bserver.port)

    async def prepare(self, lanes: tuple[str, ...]) -> None:
        """Build the address space."""
        users = _Users(self._door.users) if self._door is not None else None
        server = self._server = Server(user_manager=users)
        await server.init()
        server.set_endpoint("opc.tcp://{}:{}/soko/".format(*self._address))
        await _guard(server, self._door)
        space = await server.register_namespace(NAMESPACE)
        root = await server.nodes.objects.add_object(space, self._device)
        for name, (value, kind) in _VARIABLES.items():
            shown = ua.Variant(value, kind, is_array=isinstance(value, list))
            self._nodes[name] = await root.add_variable(space, name, shown)
        folder = await root.add_folder(space, "Lanes")
        for lane in lanes:
            zero = ua.Variant(0, ua.VariantType.Int32)
            self._nodes[f"Lanes/{lane}"] = await folder.add_variable(space, lane, zero)
        for name in ("Acknowledged", "WcsHeartbeat"):
            await self._nodes[name].set_writable()
        await root.add_method(
            space,
            "Divert",
            uamethod(self._divert),
            [_argument("Tracking", ObjectIds.UInt64), _argument("Lane", ObjectIds.String)],
            [_argument("Result", ObjectIds.Int32)],
        )
        server.iserver.callback_service.addListener(
            CallbackType.PostWrite,  # type: ignore[arg-type]
            self._written,  # type: ignore[arg-type]
        )

    async def start(self) -> None:
        """Listen. What was published before is what the first client sees."""
        assert self._server is not None
        await self._server.start()

    async def stop(self) -> None:
        """Close every connection."""
        if self._server is not None and self._server.bserver is not None:
            await self._server.stop()

    async def publish(self, state: Callable[[], CellState], beat: int) -> None:
        """Show the state as it is now. The caller has written it down."""
        async with self._publishing:
            cell = state()
            sorter = cell.sorter
            await self._show("Stream", cell.stream)
            open_ones = [confirmation_json.dump_json(one).decode() for one in sorter.unacknowledged]
            await self._show("Confirmations", open_ones)
            await self._show("StateCurrent", packml_state(sorter))
            await self._show("OnLoop", len(sorter.loop))
            await self._show("Heartbeat", beat)
            for lane, cartons in sorter.lanes.items():
                await self._show(f"Lanes/{lane}", len(cartons))

    async def _show(self, name: str, value: Any) -> None:
        if self._shown.get(name) == value and name in self._shown:
            return
        kind = _VARIABLES.get(name, (0, ua.VariantType.Int32))[1]
        variant = ua.Variant(value, kind, is_array=isinstance(value, list))
        await self._nodes[name].write_value(variant)
        self._shown[name] = value

    # a coroutine, because asyncua runs plain functions in a thread of their own
    async def _divert(self, _parent: ua.NodeId, tracking: int, lane: str) -> ua.Variant:
        return ua.Variant(self._calls.divert(tracking, lane), ua.VariantType.Int32)

    def _written(self, event: ServerItemCallback, _service: Any) -> None:
        if not event.is_external:
            return
        nodes, results = event.request_params.NodesToWrite, event.response_params
        for item, result in zip(nodes, results, strict=True):
            if not result.is_good():
                continue
            if item.NodeId == self._nodes["Acknowledged"].nodeid:
                self._calls.acknowledge(int(item.Value.Value.Value))
            elif item.NodeId == self._nodes["WcsHeartbeat"].nodeid:
                self._calls.alive()


async def _guard(server: Server, door: Door | None) -> None:
    if door is None:
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        server.set_identity_tokens([ua.AnonymousIdentityToken])
        return
    server.set_security_policy(_CLOSED)
    server.set_identity_tokens([ua.UserNameIdentityToken])
    await server.set_application_uri(door.uri)
    await server.load_certificate(door.certificate)
    await server.load_private_key(door.key)
    trusted = TrustStore([door.trust], [])
    await trusted.load()
    options = CertificateValidatorOptions.TRUSTED_VALIDATION
    peers = CertificateValidatorOptions.PEER_CLIENT
    server.set_certificate_validator(CertificateValidator(options | peers, trusted))


def _argument(name: str, kind: int) -> ua.Argument:
    return ua.Argument(Name=name, DataType=ua.NodeId(ua.Int32(kind)), ValueRank=-1)
