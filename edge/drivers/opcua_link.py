"""The way to an OPC UA server: encrypted, to a server that is trusted, as a user.

    security = "SignAndEncrypt"    or "Sign"; "None" only together with `insecure = true`
    policy = "Basic256Sha256"      or "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"
    identity = "edge-TYO1"         whose certificate and key are ours, of the folder `pki`
    trust = "pki/servers"          a folder of certificates (PEM or DER): of servers, or of
                                   authorities that have signed them; without it the site's own
    user, password_file            who we are to the server

Laws:
    closed by default   without a word about it everything is signed and encrypted, and the server
                        must be trusted and ours must be a named user
    None is a choice    no encryption needs `insecure = true` and the loopback interface; nobody
                        by name needs `insecure = true`. A device of mode "real" never has either
    first trust         a server that is not trusted never hears the password
    fresh               certificates are read again at every connection: a renewed one is used

Source: OPC 10000-2 and -4 (security model, certificate validation); RFC 5280.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography import x509

from edge.clock import SystemClock
from edge.drivers.around import Around
from edge.identity import Identity, identity_of

if TYPE_CHECKING:  # asyncua takes a second to import: only who connects pays it
    from asyncua import ua
    from asyncua.client.client import Client

_MODES = ("SignAndEncrypt", "Sign", "None")
_POLICIES = ("Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss")
_CRL_END = b"-----END X509 CRL-----\n"
_SUFFIXES = {".pem", ".der", ".crt", ".cer"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """How a device is reached, from its row of the site file."""

    url: str
    mode: str
    policy: str
    pki: Path
    identity: str
    trust: Path | None
    user: str | None
    password_file: Path | None


def read_link(device: Mapping[str, Any], around: Around) -> Link:
    """The settings of a row of [[devices]].

    Raises:
        ValueError: they make no sense, or are not safe; says what to do.
    """
    name, host = device["name"], device.get("host", "127.0.0.1")
    mode, policy = device.get("security", _MODES[0]), device.get("policy", _POLICIES[0])
    if mode not in _MODES or policy not in _POLICIES:
        raise ValueError(f"{name}: security is one of {_MODES}, policy one of {_POLICIES}")
    is_insecure = device.get("insecure", False) and device.get("mode") != "real"
    if mode == "None" and not (is_insecure and ip_address(host).is_loopback):
        raise ValueError(
            f'{name}: security = "None" is for the loopback interface, with insecure = true, and '
            "never for a device of mode real"
        )
    if "user" not in device and not is_insecure:
        raise ValueError(f"{name}: OPC UA wants `user` and `password_file` in the site file")
    if ("user" in device) != ("password_file" in device):
        raise ValueError(f"{name}: `user` and `password_file` go together")
    return Link(
        url=f"opc.tcp://{host}:{around.port(device)}",
        mode=mode,
        policy=policy,
        pki=Path(device.get("pki", around.state_dir / "pki")),
        identity=device.get("identity", f"edge-{around.code}"),
        trust=Path(device["trust"]) if "trust" in device else None,
        user=device.get("user"),
        password_file=Path(device["password_file"]) if "password_file" in device else None,
    )


async def new_client(link: Link, *, timeout_s: float) -> "Client":
    """A client that is ready to connect.

    Raises:
        IdentityMissing: there is no certificate for us.
        OSError, ValueError: a file cannot be read, or is not what it should be.
    """
    from asyncua.client.client import Client  # noqa: PLC0415 - takes a second
    from asyncua.crypto import security_policies  # noqa: PLC0415
    from asyncua.ua import MessageSecurityMode  # noqa: PLC0415

    client = Client(link.url, timeout=timeout_s)
    if link.user is not None and link.password_file is not None:
        client.set_user(link.user)
        client.set_password(link.password_file.read_text(encoding="utf-8").strip())
    if link.mode == "None":
        return client
    own = identity_of(link.pki, link.identity)
    client.application_uri = _uri_of(own)
    client.certificate_validator = _Trust(link.trust or own.ca, own.ca.with_name("ca.crl"))
    await client.set_security(
        getattr(security_policies, f"SecurityPolicy{link.policy}"),
        own.certificate,
        own.key,
        mode=MessageSecurityMode[link.mode],
    )
    return client


class _Trust:
    """Says whether a server is one of ours."""

    def __init__(self, place: Path, revoked: Path) -> None:
        self._trusted = [*_certificates(place)]
        self._revoked = {*_revoked(revoked)}

    async def __call__(
        self, certificate: x509.Certificate, server: "ua.ApplicationDescription"
    ) -> None:
        from asyncua.common.utils import ServiceError  # noqa: PLC0415
        from asyncua.ua.status_codes import StatusCodes  # noqa: PLC0415

        now = SystemClock().now()  # certificates run by real time, whatever the site's clock does
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise ServiceError(StatusCodes.BadCertificateTimeInvalid)
        if not any(_vouches(each, certificate, now) for each in self._trusted):
            raise ServiceError(StatusCodes.BadCertificateUntrusted)
        if certificate.serial_number in self._revoked:
            raise ServiceError(StatusCodes.BadCertificateRevoked)
        if server.ApplicationUri not in _uris(certificate):
            raise ServiceError(StatusCodes.BadCertificateUriInvalid)


def _vouches(trusted: x509.Certificate, certificate: x509.Certificate, now: datetime) -> bool:
    """Whether it is that certificate itself, or that of an authority that has signed it."""
    if trusted == certificate:
        return True
    try:
        limits = trusted.extensions.get_extension_for_class(x509.BasicConstraints).value
        certificate.verify_directly_issued_by(trusted)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, it vouches for nobody
        return False
    return limits.ca and trusted.not_valid_before_utc <= now <= trusted.not_valid_after_utc


def _certificates(place: Path) -> Iterator[x509.Certificate]:
    files = [place] if place.is_file() else sorted(place.iterdir())
    for file in files:
        if file.suffix not in _SUFFIXES:
            continue
        body = file.read_bytes()
        if body.startswith(b"-----BEGIN"):
            yield from x509.load_pem_x509_certificates(body)
        else:
            yield x509.load_der_x509_certificate(body)


def _revoked(place: Path) -> Iterator[int]:
    """The serial numbers in a file of one or more revocation lists, if there is one."""
    if not place.is_file():
        return
    for part in place.read_bytes().split(_CRL_END)[:-1]:
        for entry in x509.load_pem_x509_crl(part + _CRL_END):
            yield entry.serial_number


def _uri_of(own: Identity) -> str:
    uris = _uris(x509.load_pem_x509_certificate(own.certificate.read_bytes()))
    if not uris:
        raise ValueError(f"{own.certificate}: has no application URI")
    return uris[0]


def _uris(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.UniformResourceIdentifier)
