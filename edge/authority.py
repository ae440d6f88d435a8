"""The certificate authority of a site: small, in one folder, run by hand or by a nightly job.

    soko edge ca create                        ca.crt and ca.key
    soko edge ca issue edge-TYO1 R-01 …        a key and a certificate each (90 days)
    soko edge ca renew                         those with less than a third of their time left
    soko edge ca revoke R-01                   into ca.crl, which brokers read when reloaded
    soko edge ca rotate · soko edge ca retire  a new authority beside the old one; then without it

Laws:
    a pair      certificate and key of a machine are exchanged in one step (edge.identity)
    no gap      a renewed machine's old certificate is valid until it ends or is revoked; while two
                authorities are in ca.crt, machines with a certificate of either understand another
    own name    the common name is the device id, and nothing else in the subject
    secret      keys are never readable for others, not even while they are written

Keys are ECDSA P-256, or RSA 2048 for machines that speak OPC UA, whose policies know RSA only.

Source: RFC 5280; OPC UA part 6, 6.2.2.
"""

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from secrets import token_hex
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge.identity import (
    Identity,
    application_uri,
    device_id,
    identity_of,
    is_own_name,
    own_name,
)

DAYS = 90  # of a machine's certificate
AUTHORITY_DAYS = 3_650
REVOCATIONS_DAYS = 3_650  # brokers refuse everybody when a list is out of date
BACKDATED = timedelta(hours=1)  # clocks of machines are not exact

Key: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class AuthorityFault(Exception):  # noqa: N818 - reads as a situation
    """The authority cannot do that; says what to do instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A certificate that a machine of the site has now."""

    name: str
    serial: int
    begins_at: datetime
    ends_at: datetime
    hosts: tuple[str, ...]
    rsa: bool

    def is_due(self, now: datetime) -> bool:
        """Whether less than a third of its time is left."""
        return now > self.ends_at - (self.ends_at - self.begins_at) / 3


class Authority:
    """The authority in a folder `pki`; see edge.identity for its files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._crt, self._crl = folder / "ca.crt", folder / "ca.crl"
        self._key, self._old_key = folder / "ca.key", folder / "ca.old.key"
        if not (self._crt.is_file() and self._key.is_file()):
            raise AuthorityFault(
                f"there is no authority in {folder}; type `soko edge ca create --pki {folder}`"
            )

    @classmethod
    def create(cls, folder: Path, *, name: str, now: datetime) -> "Authority":
        """Found an authority in that folder, which need not exist yet.

        Raises:
            AuthorityFault: there is one already.
        """
        if (folder / "ca.key").exists():
            raise AuthorityFault(f"{folder} has an authority already; `rotate` makes a new one")
        folder.mkdir(parents=True, exist_ok=True)
        certificate, key = _authority(name, now)
        _write(folder / "ca.key", _pem_of_key(key), secret=True)
        _write(folder / "ca.crt", _pem(certificate))
        made = cls(folder)
        made._write_revocations({}, now)
        return made

    # ------------------------------------------------------------------------------ machines
    def issue(
        self,
        name: str,
        now: datetime,
        *,
        hosts: Sequence[str] = (),
        days: int = DAYS,
        use_rsa: bool = False,
    ) -> Identity:
        """Give a machine a new key and certificate; what it had before stays valid.

        Raises:
            ValueError: the name cannot be a device id.
        """
        authority, authority_key = self._authorities()[0]
        key: Key = ec.generate_private_key(ec.SECP256R1())
        if use_rsa:
            key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device_id(name))])
        serial = x509.random_serial_number()
        names = x509.SubjectAlternativeName([*_names(name, hosts, serial)])
        certificate = (
            _builder(subject, key, now, days, serial)
            .issuer_name(authority.subject)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(use_rsa=use_rsa), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage(
                    [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
                ),
                critical=False,
            )
            .add_extension(names, critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
                critical=False,
            )
            .sign(authority_key, hashes.SHA256())
        )
        self._put(name, certificate, key, now)
        return identity_of(self._folder, name)

    def renew(self, now: datetime, *, names: Iterable[str] = ()) -> list[Identity]:
        """New certificates, like the old ones, for those named, or for all that are due.

        Raises:
            AuthorityFault: somebody named has no certificate.
        """
        have = {issued.name: issued for issued in self.issued()}
        if unknown := sorted({*names} - have.keys()):
            raise AuthorityFault(f"no certificate to renew for {', '.join(unknown)}; `issue` one")
        wanted = [have[name] for name in names] or [i for i in have.values() if i.is_due(now)]
        return [
            self.issue(
                one.name,
                now,
                hosts=one.hosts,
                days=max(1, (one.ends_at - one.begins_at).days),
                use_rsa=one.rsa,
            )
            for one in wanted
        ]

    def revoke(self, name: str, now: datetime, *, older: bool = False) -> None:
        """Make every certificate of a machine that lies here invalid, and take them away.

        With `older` all but the one it has now: after a renewal, when the old key got lost.

        Raises:
            AuthorityFault: there is nothing to revoke.
        """
        link = self._folder / "devices" / device_id(name)
        current = link.resolve() if older else None
        folders = [one for one in link.parent.glob(f".{name}@*") if one.resolve() != current]
        if not folders:
            raise AuthorityFault(f"{name} has no {'older ' * older}certificate here")
        certificates = [
            x509.load_pem_x509_certificate((one / "cert.pem").read_bytes()) for one in folders
        ]
        revoked = self._revoked() | {one.serial_number: now for one in certificates}
        self._write_revocations(revoked, now)
        if not older:
            link.unlink(missing_ok=True)
        for one in folders:
            shutil.rmtree(one)

    def issued(self) -> Iterator[Issued]:
        """What every machine has now, by name."""
        for path in sorted((self._folder / "devices").glob("[!.]*/cert.pem")):
            certificate = x509.load_pem_x509_certificate(path.read_bytes())
            names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
            hosts = [
                *(n for n in names.value.get_values_for_type(x509.DNSName) if not is_own_name(n)),
                *(str(host) for host in names.value.get_values_for_type(x509.IPAddress)),
            ]
            yield Issued(
                name=path.parent.name,
                serial=certificate.serial_number,
                begins_at=certificate.not_valid_before_utc + BACKDATED,
                ends_at=certificate.not_valid_after_utc,
                hosts=tuple(hosts),
                rsa=isinstance(certificate.public_key(), rsa.RSAPublicKey),
            )

    # ----------------------------------------------------------------------------- itself
    def rotate(self, now: datetime) -> None:
        """A new authority; the old one stays trusted beside it until `retire`.

        Raises:
            AuthorityFault: two are trusted already.
        """
        before = self._authorities()
        if len(before) > 1:
            raise AuthorityFault("two authorities are trusted already: `renew` all, then `retire`")
        old, old_key = before[0]
        name = str(old.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value)
        certificate, key = _authority(name, now)
        _write(self._old_key, _pem_of_key(old_key), secret=True)
        _write(self._key, _pem_of_key(key), secret=True)
        _write(self._crt, _pem(certificate) + _pem(old))
        self._write_revocations(self._revoked(), now)

    def retire(self, now: datetime) -> None:
        """Trust the newest authority alone.

        Raises:
            AuthorityFault: a machine still has a certificate of the old one; says which.
        """
        newest = self._authorities()[0][0]
        left = [
            path.parent.name
            for path in sorted((self._folder / "devices").glob("[!.]*/cert.pem"))
            if x509.load_pem_x509_certificate(path.read_bytes()).issuer != newest.subject
        ]
        if left:
            raise AuthorityFault(f"of the old authority still: {', '.join(left)}; `renew` them")
        _write(self._crt, _pem(newest))
        self._old_key.unlink(missing_ok=True)
        self._write_revocations(self._revoked(), now)

    # ------------------------------------------------------------------------------ files
    def _authorities(self) -> list[tuple[x509.Certificate, ec.EllipticCurvePrivateKey]]:
        """Those that are trusted, with their keys, the newest first."""
        certificates = x509.load_pem_x509_certificates(self._crt.read_bytes())
        keys = [_read_key(path) for path in (self._key, self._old_key) if path.is_file()]
        of = {_public(key.public_key()): key for key in keys}
        return [(one, of[_public(one.public_key())]) for one in certificates]

    def _revoked(self) -> dict[int, datetime]:
        return revoked_in(self._crl)

    def _write_revocations(self, revoked: Mapping[int, datetime], now: datetime) -> None:
        """One list an authority: a broker that checks lists wants one of everybody it trusts."""
        lists = b""
        for certificate, key in self._authorities():
            builder = (
                x509.CertificateRevocationListBuilder()
                .issuer_name(certificate.subject)
                .last_update(now - BACKDATED)
                .next_update(now + timedelta(days=REVOCATIONS_DAYS))
            )
            for serial, at in sorted(revoked.items()):
                entry = x509.RevokedCertificateBuilder(serial, at)
                builder = builder.add_revoked_certificate(entry.build())
            lists += builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        _write(self._crl, lists)

    def _put(self, name: str, certificate: x509.Certificate, key: Key, now: datetime) -> None:
        devices = self._folder / "devices"
        own = devices / f".{name}@{certificate.serial_number:x}"
        own.mkdir(parents=True)
        _write(own / "key.pem", _pem_of_key(key), secret=True)
        _write(own / "cert.pem", _pem(certificate))
        _write(own / "cert.der", certificate.public_bytes(serialization.Encoding.DER))
        link = devices / name
        before = link.resolve() if link.is_symlink() else None
        fresh = devices / f".{name}.new"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(own.name)
        fresh.replace(link)
        for old in devices.glob(f".{name}@*"):  # somebody may be reading the one before
            if old.resolve() not in {own.resolve(), before} and _has_ended(old / "cert.pem", now):
                shutil.rmtree(old)  # what is still valid must stay: it could not be revoked else


# ------------------------------------------------------------------------------ certificates
def _authority(name: str, now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """A self-signed one. Its common name has chance in it, so that two of a site differ."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, name),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{name[:50]} {token_hex(4)}"),
        ]
    )
    signs = {name: name in {"key_cert_sign", "crl_sign"} for name in _USES}
    certificate = (
        _builder(subject, key, now, AUTHORITY_DAYS)
        .issuer_name(subject)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(**signs), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate, key


_USES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
    "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip


def _builder(
    subject: x509.Name, key: Key, now: datetime, days: int, serial: int | None = None
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number() if serial is None else serial)
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, use_rsa: bool) -> x509.KeyUsage:
    """OPC UA asks its instance certificates for all four."""
    uses = {"digital_signature"}
    if use_rsa:
        uses |= {"content_commitment", "key_encipherment", "data_encipherment"}
    return x509.KeyUsage(**{name: name in uses for name in _USES})


def _names(name: str, hosts: Sequence[str], serial: int) -> Iterator[x509.GeneralName]:
    yield x509.UniformResourceIdentifier(application_uri(name))
    yield x509.DNSName(own_name(serial))
    for host in hosts:
        try:
            yield x509.IPAddress(ip_address(host))
        except ValueError:
            yield x509.DNSName(host)


# ------------------------------------------------------------------------------ files
def revoked_in(crl: Path) -> dict[int, datetime]:
    """What a list of revocations names, by serial number, and since when; {} without the file."""
    if not crl.exists():
        return {}
    end = b"-----END X509 CRL-----\n"
    return {
        one.serial_number: one.revocation_date_utc
        for text in crl.read_bytes().split(end)[:-1]
        for one in x509.load_pem_x509_crl(text + end)
    }


def _has_ended(certificate: Path, now: datetime) -> bool:
    return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc < now


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def _public(key: object) -> bytes:
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _pem_of_key(key: Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(path: Path, text: bytes, *, secret: bool = False) -> None:
    """The whole file or the one before it; a secret is never open to others in between."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    if not secret:
        fresh.chmod(0o644)
    fresh.replace(path)
