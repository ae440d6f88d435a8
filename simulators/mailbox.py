"""A mail server that keeps what it is sent, and is as unreliable as it is told to be.

    box = Mailbox()             on free ports of loopback, in a thread of its own
    box.smtp_port, box.http_port
    box.mails                   every mail as a reader sees it: one for each Message-ID
    box.received                every DATA that came, repetitions too
    box.mode = "down"           refuses every connection with 421
               "slow"           answers the end of DATA when `box.go_on` is set
               "drop"           keeps the mail, then breaks off instead of saying so
               "full"           452 for every recipient
               "unknown"        550 for every recipient

    GET /mails                  [{"id", "to", "from", "subject", "text", "times"}, …]  newest first

Speaks EHLO, HELO, STARTTLS (with a certificate), AUTH PLAIN (takes any), MAIL, RCPT, DATA, RSET,
NOOP, QUIT; lines and mails are bounded. It keeps mails in memory: nobody reads them tomorrow.

Source: RFC 5321; RFC 3207 (STARTTLS); RFC 4954 (AUTH).
"""

import asyncio
import json
import ssl
import threading
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property
from typing import Any, Literal, TypeAlias

Mode: TypeAlias = Literal["up", "down", "slow", "drop", "full", "unknown"]
LINE_MAX, MAIL_MAX, MAILS_MAX = 2_000, 1_000_000, 10_000


@dataclass(frozen=True)  # no slots: what is parsed once is kept, for many read again and again
class Received:
    """A mail as it came: envelope, content, and whether the connection was encrypted."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    is_encrypted: bool = False

    @cached_property
    def message(self) -> EmailMessage:
        """The mail, parsed."""
        parsed = message_from_bytes(self.content, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    @cached_property
    def id(self) -> str:
        """Its Message-ID."""
        return str(self.message["Message-ID"] or "")

    @cached_property
    def subject(self) -> str:
        """Its subject, decoded."""
        return str(self.message["Subject"] or "")

    @cached_property
    def text(self) -> str:
        """Its text, decoded."""
        body = self.message.get_body(("plain",))
        return "" if body is None else str(body.get_content()).replace("\r\n", "\n")


@dataclass(slots=True)
class _Session:
    """One connection: what has been said so far."""

    sender: str | None = None
    recipients: list[str] = field(default_factory=list)
    is_encrypted: bool = False

    def reset(self) -> None:
        self.sender = None
        self.recipients = []


class Mailbox:
    """The server, in a thread of its own until `stop`."""

    def __init__(
        self, *, smtp_port: int = 0, http_port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        self.mode: Mode = "up"
        self.go_on = threading.Event()
        self.received: list[Received] = []
        self._tls = tls
        self._ports = (smtp_port, http_port)
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="mailbox")
        self._thread.start()
        self._ready.wait()

    @property
    def smtp_port(self) -> int:
        """Where it takes mail."""
        return self._ports[0]

    @property
    def http_port(self) -> int:
        """Where its list is read."""
        return self._ports[1]

    @property
    def mails(self) -> list[Received]:
        """What a reader finds: a mail that came twice under one Message-ID is one."""
        once: dict[str, Received] = {}
        for number, mail in enumerate(self.received):
            once.setdefault(mail.id or str(number), mail)
        return list(once.values())

    def to(self, address: str) -> list[Received]:
        """What that person finds."""
        return [mail for mail in self.mails if address in mail.recipients]

    def stop(self) -> None:
        """Serve no more."""
        if not self._thread.is_alive():
            return
        self.go_on.set()
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    # -------------------------------------------------------------------------------- serving
    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        smtp = await asyncio.start_server(
            self._talk, "127.0.0.1", self._ports[0], limit=2 * LINE_MAX
        )
        http = await asyncio.start_server(self._list, "127.0.0.1", self._ports[1])
        self._ports = (smtp.sockets[0].getsockname()[1], http.sockets[0].getsockname()[1])
        self._ready.set()
        await self._stop.wait()
        for server in (smtp, http):
            server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._session(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ValueError, ssl.SSLError):
            pass  # the other side went away, or speaks no SMTP
        finally:
            writer.close()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.mode == "down":
            await _say(writer, "421 closed")
            return
        session = _Session()
        await _say(writer, "220 mailbox ESMTP")
        while line := await reader.readline():
            verb, _, rest = line.decode(errors="replace").strip().partition(" ")
            match verb.upper():
                case "EHLO" | "HELO":
                    session.reset()
                    await _say(writer, *self._greeting(session))
                case "STARTTLS" if self._tls is not None and not session.is_encrypted:
                    await _say(writer, "220 go on")
                    await writer.start_tls(self._tls)
                    session = _Session(is_encrypted=True)
                case "DATA" if session.recipients:
                    if not await self._take(session, reader, writer):
                        return
                case "QUIT":
                    await _say(writer, "221 bye")
                    return
                case other:
                    await _say(writer, self._answer(other, rest, session))

    def _greeting(self, session: _Session) -> list[str]:
        able = ["250-mailbox", "250-8BITMIME", "250-SMTPUTF8", "250-AUTH PLAIN LOGIN"]
        if self._tls is not None and not session.is_encrypted:
            able.append("250-STARTTLS")
        return [*able, f"250 SIZE {MAIL_MAX}"]

    def _answer(self, verb: str, rest: str, session: _Session) -> str:
        if verb == "MAIL":
            session.sender = _address(rest)
        elif verb == "RCPT" and session.sender is not None:
            return self._recipient(_address(rest), session)
        elif verb == "RSET":
            session.reset()
        elif verb == "AUTH":
            return "235 welcome"
        elif verb != "NOOP":
            return "503 not now, or not known"
        return "250 ok"

    def _recipient(self, address: str, session: _Session) -> str:
        if self.mode == "full":
            return f"452 <{address}>: mailbox full"
        if self.mode == "unknown":
            return f"550 <{address}>: nobody here of that name"
        session.recipients.append(address)
        return "250 ok"

    async def _take(
        self, session: _Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """A mail's content; False when the connection is to be broken off."""
        await _say(writer, "354 end with a dot")
        lines: list[bytes] = []
        while (line := await reader.readline()) not in {b".\r\n", b".\n", b""}:
            lines.append(line[1:] if line.startswith(b".") else line)
            if sum(map(len, lines[-1:])) > LINE_MAX or len(lines) > MAIL_MAX // 10:
                return False
        if not line:
            return False
        sender, to = session.sender or "", tuple(session.recipients)
        if len(self.received) < MAILS_MAX:
            content = b"".join(lines)
            self.received.append(Received(sender, to, content, session.is_encrypted))
        session.reset()
        if self.mode == "drop":
            return False
        if self.mode == "slow":
            await asyncio.to_thread(self.go_on.wait)
        await _say(writer, "250 kept")
        return True

    # ------------------------------------------------------------------------------- the list
    async def _list(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = (await reader.readline()).decode(errors="replace").split(" ")
            while (await reader.readline()).strip():
                pass
            known = request[:2] == ["GET", "/mails"]
            body = json.dumps(self._shown() if known else {"error": "expected GET /mails"},
                              ensure_ascii=False).encode()  # fmt: skip
            status = "200 OK" if known else "404 Not Found"
            writer.write(
                f"HTTP/1.1 {status}\r\nContent-Type: application/json; charset=utf-8\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
                + body
            )
            await writer.drain()
        except (ConnectionError, ValueError):
            pass
        finally:
            writer.close()

    def _shown(self) -> list[dict[str, Any]]:
        return [
            {
                "id": mail.id,
                "from": mail.sender,
                "to": list(mail.recipients),
                "subject": mail.subject,
                "text": mail.text,
                "times": sum(each.id == mail.id for each in self.received),
            }
            for mail in reversed(self.mails)
        ]


async def _say(writer: asyncio.StreamWriter, *lines: str) -> None:
    writer.write("".join(f"{line}\r\n" for line in lines).encode())
    await writer.drain()


def _address(rest: str) -> str:
    """'TO:<taro@example.jp> BODY=8BITMIME' is taro@example.jp."""
    return rest.partition("<")[2].partition(">")[0]
