"""Who a machine is: a certificate of the site's own authority, whose common name is its device id.

    pki/ca.crt                    the authorities that are trusted: one, or two while one takes over
    pki/ca.key                    of the newest of them; mode 0600, only where certificates are made
    pki/ca.old.key                of the one before, while both are trusted
    pki/ca.crl                    what is not valid any more
    pki/devices/NAME/cert.pem     the machine's certificate        (cert.der: the same for OPC UA)
    pki/devices/NAME/key.pem      its key, mode 0600

`devices/NAME` is a link to a folder of one certificate. A new certificate is a new folder, and the
link is moved to it in one step: nobody ever reads the key of one and the certificate of the other.
The certificate also carries the application URI `urn:soko:edge:NAME` that OPC UA asks for, and a
name of its own, made of its serial number: by it NATS knows a single certificate, not its machine.

Source: RFC 5280 (X.509); OPC UA part 6, 6.2.2 (application instance certificate).
"""

import re
from pathlib import Path
from typing import NamedTuple

# also a file's name and, in NATS, part of a subject; 64 is the most a common name may have
_SERIALS = "serial.soko.invalid"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_:.-]{0,63}")


class IdentityMissing(Exception):  # noqa: N818 - reads as a situation
    """That machine has no certificate here."""


class Identity(NamedTuple):
    """Where the three files of a machine lie (PEM)."""

    certificate: Path
    key: Path
    ca: Path

    def at_once(self) -> "Identity":
        """The paths as they are at this moment: certificate and key belong together."""
        own = self.certificate.parent.resolve()
        if self.key.parent == self.certificate.parent:
            return Identity(own / self.certificate.name, own / self.key.name, self.ca.resolve())
        return Identity(self.certificate.resolve(), self.key.resolve(), self.ca.resolve())

    @property
    def certificate_der(self) -> Path:
        """The same certificate in DER, as OPC UA wants it."""
        return self.certificate.with_suffix(".der")


def device_id(name: str) -> str:
    """The name, if it may be the id of a machine.

    Raises:
        ValueError: it may not; says what it may consist of.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot be a device id: A-Z a-z 0-9 _ : . - only, at most 64")
    return name


def application_uri(name: str) -> str:
    """The OPC UA application URI of the machine of that name; its certificate carries it."""
    return f"urn:soko:edge:{name}"


def own_name(serial: int) -> str:
    """The DNS name of one certificate alone; in a domain that nobody has or will have."""
    return f"{serial:x}.{_SERIALS}"


def is_own_name(name: str) -> bool:
    """Whether a DNS name is such a one, and no address."""
    return name.endswith("." + _SERIALS)


def identity_of(folder: Path, name: str) -> Identity:
    """The identity of the machine `name` in the folder `pki`.

    The paths go by the link, so whoever reads them again finds a renewed certificate; read them
    through `at_once` for a pair that matches.

    Raises:
        IdentityMissing: it has none; says what to type.
        ValueError: the name cannot be a device id.
    """
    own = folder / "devices" / device_id(name)
    identity = Identity(own / "cert.pem", own / "key.pem", folder / "ca.crt")
    if missing := [str(path) for path in identity if not path.is_file()]:
        raise IdentityMissing(
            f"{name} has no identity in {folder}: {', '.join(missing)} missing; "
            f"type `soko edge ca issue {name} --pki {folder}`"
        )
    return identity
