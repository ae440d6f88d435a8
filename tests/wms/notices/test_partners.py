"""Mail and the gateway over real connections: what they say when, and what cannot break out."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from standardwebhooks import Webhook
from typing_extensions import override

from edge.clock import SystemClock
from simulators.mailbox import Mailbox, Mode
from tests.builders import NOW, an_id
from wms.errors import Rejected, Unavailable
from wms.partners.gateway import ByChannel, MessageGateway
from wms.partners.mail import Mailer
from wms.ports import Message

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - of nobody


def a_message(**more: Any) -> Message:
    facts: dict[str, Any] = {
        "id": an_id(), "channel": "EMAIL", "address": "taro@example.jp", "language": "ja",
        "subject": "ご注文ありがとうございます（N-1）🍵", "text": "山田 太郎 様\n.\nお茶 × 2",
        "at": NOW,
    } | more  # fmt: skip
    return Message(**facts)


def mailer(box: Mailbox, scheme: str = "smtp", **more: Any) -> Mailer:
    return Mailer(f"{scheme}://127.0.0.1:{box.smtp_port}", "倉庫 <shop@soko.example>", **more)


def test_a_japanese_mail_arrives_as_it_was_written(box: Mailbox):
    message = a_message()
    mailer(box).send(message)

    (mail,) = box.mails
    assert mail.subject == message.subject
    assert mail.text == f"{message.text}\n"
    assert mail.sender == "shop@soko.example"
    assert mail.recipients == ("taro@example.jp",)
    assert mail.id == f"<{message.id}@soko.example>"
    assert mail.message["Date"].datetime == NOW
    assert mail.content.isascii(), "any server passes it on"


def test_the_same_message_is_the_same_mail_to_the_byte(box: Mailbox):
    message = a_message()
    for _ in range(2):
        mailer(box).send(message)

    assert len(box.received) == 2
    assert len(box.mails) == 1
    assert box.received[0].content == box.received[1].content


@pytest.mark.parametrize(
    "address",
    ["a@b.example\r\nBcc: c@d.example", "a@b.example, c@d.example", "A <a@b.example>", "", "a b"],
)
def test_nobody_else_is_written_to(box: Mailbox, address: str):
    with pytest.raises(Rejected) as refused:
        mailer(box).send(a_message(address=address))

    assert box.received == []
    assert "example" not in str(refused.value)


def test_a_subject_breaks_out_of_no_header(box: Mailbox):
    mailer(box).send(a_message(subject="A\r\nBcc: c@d.example\r\n\r\nB"))

    (mail,) = box.mails
    assert mail.message["Bcc"] is None
    assert mail.recipients == ("taro@example.jp",)
    assert mail.subject == "A Bcc: c@d.example B"


@pytest.mark.parametrize(
    ("mode", "kind", "says"),
    [
        ("down", Unavailable, "mail: code 421"),
        ("drop", Unavailable, "mail: SMTPServerDisconnected"),
        ("full", Unavailable, "mail: code 452"),
        ("unknown", Rejected, "the mail server says 550"),
    ],
)
def test_what_went_wrong_is_said_without_the_address(
    box: Mailbox, mode: Mode, kind: type[Exception], says: str
):
    box.mode = mode
    with pytest.raises(kind) as problem:
        mailer(box).send(a_message())

    assert str(problem.value) == says


def test_a_server_that_is_not_there_is_tried_again_later(box: Mailbox):
    box.stop()
    with pytest.raises(Unavailable):
        mailer(box).send(a_message())


@pytest.fixture
def certified(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's side of TLS, and the file that vouches for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mailbox")])
    now = SystemClock().now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem, secret = tmp_path / "ca.pem", tmp_path / "key.pem"
    pem.write_bytes(certificate.public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, secret)
    return context, pem


def test_with_starttls_nothing_goes_in_clear(certified: tuple[ssl.SSLContext, Path]):
    context, pem = certified
    box = Mailbox(tls=context)
    try:
        mailer(box, "smtp+starttls", ca_file=pem).send(a_message())
        with pytest.raises(Unavailable):
            mailer(box, "smtp+starttls").send(a_message())  # nobody that we trust vouches for it
    finally:
        box.stop()

    (mail,) = box.mails
    assert mail.is_encrypted


def test_a_server_without_starttls_is_given_nothing(box: Mailbox):
    with pytest.raises(Unavailable):
        mailer(box, "smtp+starttls").send(a_message())

    assert box.received == []


def test_what_is_no_mail_server_is_refused_at_the_start():
    with pytest.raises(ValueError, match="a mail server is"):
        Mailer("http://127.0.0.1:25", "a@b.example")


def test_the_mailbox_can_be_read_in_a_browser(box: Mailbox):
    for _ in range(2):
        mailer(box).send(a_message(id=an_id()))
    with urlopen(f"http://127.0.0.1:{box.http_port}/mails") as answer:
        mails = json.load(answer)

    assert [mail["to"] for mail in mails] == [["taro@example.jp"]] * 2
    assert mails[0]["text"].startswith("山田 太郎")


Phone = tuple[MessageGateway, list[tuple[dict[str, str], bytes]], Callable[[int], None]]


@pytest.fixture
def phone() -> Iterator[Phone]:
    heard: list[tuple[dict[str, str], bytes]] = []
    status = [200]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            heard.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(status[0])
            self.send_header("content-length", "0")
            self.end_headers()

        @override
        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    gateway = MessageGateway(f"http://127.0.0.1:{server.server_address[1]}/send", SECRET)
    yield gateway, heard, lambda code: status.__setitem__(0, code)
    gateway.close()
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_message_to_a_telephone_is_signed_and_named(phone: Phone):
    gateway, heard, _ = phone
    message = a_message(channel="SMS", address="090-1111-2222", subject="")
    for _ in range(2):
        ByChannel(None, gateway).send(message)

    for headers, body in heard:
        said = Webhook(SECRET).verify(body, headers)
        assert headers["webhook-id"] == str(message.id)
        assert said["data"] == {
            "id": str(message.id),
            "channel": "SMS",
            "to": "090-1111-2222",
            "language": "ja",
            "text": message.text,
        }


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, Rejected), (404, Rejected), (401, Unavailable), (429, Unavailable), (500, Unavailable),
     (302, Unavailable)],
)  # fmt: skip
def test_a_gateway_that_says_no_means_never_or_later(
    phone: Phone, status: int, kind: type[Exception]
):
    gateway, _, answer = phone
    answer(status)

    with pytest.raises(kind):
        gateway.send(a_message(channel="LINE", address="U1"))


def test_a_channel_that_nobody_serves_is_refused(box: Mailbox, phone: Phone):
    with pytest.raises(Rejected):
        ByChannel(mailer(box), None).send(a_message(channel="LINE"))
    with pytest.raises(Rejected):
        ByChannel(None, phone[0]).send(a_message())
