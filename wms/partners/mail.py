"""Mail by SMTP: one message, one connection; plain text, any language.

    smtp://host:25     smtp+starttls://user:secret@host:587     smtps://user:secret@host:465

The Message-ID is the message's own id, the same at every attempt, and so are date and content: a
mailbox that has had it knows it again. Addresses and subjects cannot break out of their headers.
What goes wrong is told in codes: a server's own words often repeat the address.

Source: RFC 5321 (SMTP), RFC 5322 (message), RFC 2047 (words in headers), RFC 3834 (automatic).
"""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from http import HTTPStatus
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote, urlsplit

from wms.errors import Rejected
from wms.partners.http import PartnerUnavailable
from wms.ports import Message

TIMEOUT_S = 10.0
SCHEMES = ("smtp", "smtp+starttls", "smtps")
_PERMANENT = HTTPStatus.INTERNAL_SERVER_ERROR  # 5xx means never, here as there
_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class Undeliverable(Rejected):
    """Nobody can be told there: no such address, or a gateway that is not configured."""

    code: ClassVar[str] = "undeliverable"


class Mailer:
    """A mail server of ours. `sender`: "Soko <shop@example.jp>". `ca_file` for one of its own."""

    def __init__(self, url: str, sender: str, *, ca_file: Path | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in SCHEMES or not parts.hostname:
            raise ValueError(f"a mail server is {', '.join(SCHEMES)}://host:port")
        self._host, self._scheme = parts.hostname, parts.scheme
        self._port = parts.port or _PORTS[parts.scheme]
        self._user, self._secret = unquote(parts.username or ""), unquote(parts.password or "")
        self._ca_file = ca_file
        name, address = parseaddr(sender)
        self._sender = Address(name, addr_spec=address)

    def send(self, message: Message) -> None:
        """Hand a mail to the server.

        Raises:
            PartnerUnavailable: it was not taken, or nobody knows; send it again later.
            Undeliverable: never: the server does not know that address.
        """
        mail = self._mail(message)
        try:
            with self._connected() as server:
                server.send_message(mail)
        except smtplib.SMTPRecipientsRefused as error:
            code = next(iter(error.recipients.values()), (0, b""))[0]
            raise _refused(code) from None
        except smtplib.SMTPAuthenticationError as error:
            raise PartnerUnavailable("mail", f"code {error.smtp_code} at login") from None
        except smtplib.SMTPResponseException as error:
            raise _refused(error.smtp_code) from None
        except smtplib.SMTPNotSupportedError:
            raise Undeliverable("the mail server does not take such an address") from None
        except (smtplib.SMTPException, OSError) as error:
            raise PartnerUnavailable("mail", type(error).__name__) from None

    def _mail(self, message: Message) -> EmailMessage:
        try:
            to = Address(addr_spec=message.address)
        except (ValueError, IndexError):
            raise Undeliverable("that is no mail address") from None
        mail = EmailMessage(policy=SMTP)
        mail["From"] = self._sender
        mail["To"] = to
        mail["Subject"] = " ".join(message.subject.split())
        mail["Date"] = format_datetime(message.at)
        mail["Message-ID"] = f"<{message.id}@{self._sender.domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail["Content-Language"] = message.language
        mail.set_content(f"{message.text}\n", charset="utf-8", cte="base64")
        return mail

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        trusted = ssl.create_default_context(cafile=self._ca_file)
        server: smtplib.SMTP
        if self._scheme == "smtps":
            server = smtplib.SMTP_SSL(self._host, self._port, timeout=TIMEOUT_S, context=trusted)
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=TIMEOUT_S)
        try:
            if self._scheme == "smtp+starttls":
                _encrypt(server, trusted)
            if self._user:
                server.login(self._user, self._secret)
            yield server
        finally:
            server.close()  # what was taken was taken; QUIT may fail and means nothing


def _encrypt(server: smtplib.SMTP, trusted: ssl.SSLContext) -> None:
    """STARTTLS, or nothing is sent at all: somebody may have taken it out of the greeting."""
    try:
        server.starttls(context=trusted)
    except smtplib.SMTPNotSupportedError:
        raise PartnerUnavailable("mail", "no STARTTLS") from None


def _refused(code: int) -> PartnerUnavailable | Undeliverable:
    if code >= _PERMANENT:
        return Undeliverable(f"the mail server says {code}")
    return PartnerUnavailable("mail", f"code {code}")
