"""Webhooks: signed, tried again, logged, sent again on request, and to no address inside."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError
from typing_extensions import override

from edge.ports import free_port
from tests.builders import NOW, an_id
from tests.wms.house import House
from wms.errors import Unavailable
from wms.partners.webhook import WebhookSender
from wms.ports import WebhookEvent
from wms.webhooks.deliver import WAITS_S

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105
NEXT_SECRET = "whsec_C2FVsBQIhrscChlQIMV1b5sSYspob7oD"  # noqa: S105
LOOPBACK = (ip_network("127.0.0.0/8"),)


class Receiver(BaseHTTPRequestHandler):
    """A subscriber that keeps what it is told and answers as it is bidden."""

    told: list[tuple[dict[str, str], str]]
    answers: list[tuple[int, dict[str, str]]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self.told.append(({name.lower(): value for name, value in self.headers.items()}, body))
        status, headers = self.answers.pop(0) if self.answers else (204, {})
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", "0")
        self.end_headers()

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[tuple[str, type[Receiver]]]:
    handler = type("Here", (Receiver,), {"told": [], "answers": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", handler
    server.shutdown()
    thread.join()
    server.server_close()


def an_event(url: str, *secrets: str) -> WebhookEvent:
    return WebhookEvent(
        id=an_id(), url=url, secrets=secrets or (SECRET,), type="OrderShipped",
        at=NOW, body={"id": "x"},
    )  # fmt: skip


@pytest.fixture
def sender() -> Iterator[WebhookSender]:
    sender = WebhookSender(LOOPBACK)
    yield sender
    sender.close()


# ------------------------------------------------------------------------------ the wire
def test_a_subscriber_can_tell_that_it_is_from_us(
    receiver: tuple[str, type[Receiver]], sender: WebhookSender
):
    url, here = receiver
    event = an_event(f"{url}/hook?shop=1")
    here.answers += [(204, {}), (500, {})]
    assert sender.deliver(event) == 204
    with pytest.raises(Unavailable, match="answered 500"):
        sender.deliver(event)
    (headers, body), (again, _) = here.told
    told = Webhook(SECRET).verify(body, headers)
    assert (told["type"], told["data"]) == ("OrderShipped", {"id": "x"})
    assert headers["webhook-id"] == again["webhook-id"] == str(event.id)
    with pytest.raises(WebhookVerificationError):
        Webhook(NEXT_SECRET).verify(body, headers)


def test_while_a_secret_is_changed_both_verify(
    receiver: tuple[str, type[Receiver]], sender: WebhookSender
):
    url, here = receiver
    sender.deliver(an_event(url, NEXT_SECRET, SECRET))
    headers, body = here.told[0]
    assert Webhook(SECRET).verify(body, headers) == Webhook(NEXT_SECRET).verify(body, headers)


@pytest.mark.parametrize("address", [
    "127.0.0.1", "10.1.2.3", "192.168.0.4", "172.16.9.9", "169.254.169.254", "0.0.0.0",  # noqa: S104
    "::1", "fe80::1", "fd00::1", "::ffff:127.0.0.1", "100.64.0.1", "224.0.0.1", "ff02::1",
])  # fmt: skip
def test_no_address_inside_is_called(address: str):
    sender = WebhookSender(resolve=lambda _host, _port: [address])
    with pytest.raises(Unavailable, match="not a public address"):
        sender.deliver(an_event("http://shop.example/hook"))
    sender.close()


def test_one_address_inside_among_others_is_enough_to_refuse():
    sender = WebhookSender(resolve=lambda _host, _port: ["8.8.8.8", "127.0.0.1"])
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1"):
        sender.deliver(an_event("http://shop.example/hook"))
    sender.close()


def test_the_address_that_was_judged_is_the_one_that_is_called(
    receiver: tuple[str, type[Receiver]],
):
    """A name server that says something else a moment later changes nothing."""
    url, here = receiver
    port = url.rpartition(":")[2]
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    sender = WebhookSender(LOOPBACK, resolve)
    sender.deliver(an_event(f"http://shop.example:{port}/hook"))
    sender.close()
    assert asked == ["shop.example"]
    assert here.told[0][0]["host"] == f"shop.example:{port}"


def test_a_redirect_is_an_answer_like_any_other(
    receiver: tuple[str, type[Receiver]], sender: WebhookSender
):
    url, here = receiver
    here.answers.append((302, {"location": f"{url}/inside"}))
    with pytest.raises(Unavailable, match="answered 302"):
        sender.deliver(an_event(url))
    assert len(here.told) == 1


# -------------------------------------------------------------------- subscriptions and log
@pytest.fixture
def told(house: House) -> Iterator[House]:
    """A house whose webhooks go over HTTP."""
    sender = WebhookSender(LOOPBACK)
    object.__setattr__(house.jobs, "webhooks", sender)
    house.sku("A")
    house.stock("A", 9, "S01-01")
    yield house
    sender.close()


def put(house: House, url: str, **more: Any) -> str:
    hook = str(an_id())
    house.ok(house.http.put(f"/oms/v1/webhooks/{hook}", json={"url": url, "secret": SECRET} | more))
    return hook


def log_of(house: House, hook: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = house.ok(house.http.get(f"/oms/v1/webhooks/{hook}/deliveries"))
    return found


def act(house: House, path: str) -> str:
    answer = house.http.post(f"/oms/v1/{path}", json={"command_id": str(an_id())})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["delivery_id"])


def test_only_what_was_asked_for_is_told(told: House, receiver: tuple[str, type[Receiver]]):
    url, here = receiver
    put(told, url, types=["OrderCancelled"])
    told.put_order(("A", 1))
    order = told.put_order(("A", 1))
    told.ok(told.http.post(f"/oms/v1/orders/{order}/cancellation"))
    told.job("tell")
    assert [json.loads(body)["type"] for _, body in here.told] == ["OrderCancelled"]


def test_the_log_shows_each_attempt_and_it_can_be_sent_again(
    told: House, receiver: tuple[str, type[Receiver]]
):
    url, here = receiver
    here.answers += [(503, {}), (204, {})]
    hook = put(told, url)
    told.put_order(("A", 1))
    told.job("tell")
    (first,) = log_of(told, hook)
    assert (first["state"], [each["status"] for each in first["attempts"]]) == ("DUE", [503])
    assert told.job("tell") == 0  # its time has not come
    told.clock.at += timedelta(seconds=WAITS_S[0] * 1.3)
    told.job("tell")
    (then,) = log_of(told, hook)
    assert (then["state"], [a["problem"] for a in then["attempts"]]) == (
        "DELIVERED", ["webhook: answered 503", None],
    )  # fmt: skip
    told.ok(told.http.post(f"/oms/v1/deliveries/{then['id']}:redeliver"))
    told.job("tell")
    assert len({headers["webhook-id"] for headers, _ in here.told}) == 1
    assert len(here.told) == 3


def test_it_is_given_up_after_all_attempts_and_a_lost_one_can_be_sent_again(
    told: House, receiver: tuple[str, type[Receiver]]
):
    url, here = receiver
    here.answers += [(500, {})] * (len(WAITS_S) + 1)
    hook = put(told, url)
    told.put_order(("A", 1))
    for wait_s in (0, *WAITS_S):
        told.clock.at += timedelta(seconds=wait_s * 1.3)
        told.job("tell")
    (given_up,) = log_of(told, hook)
    assert (given_up["state"], len(given_up["attempts"])) == ("FAILED", len(WAITS_S) + 1)
    told.ok(told.http.post(f"/oms/v1/deliveries/{given_up['id']}:redeliver"))
    told.job("tell")
    assert log_of(told, hook)[0]["state"] == "DELIVERED"


def test_a_subscriber_that_is_silent_holds_up_nobody_else(
    told: House, receiver: tuple[str, type[Receiver]]
):
    url, here = receiver
    told.stock("A", 50, "S01-01")
    deaf = put(told, f"http://127.0.0.1:{free_port()}/hook")
    for _ in range(25):
        told.put_order(("A", 1))
    told.job("tell")
    assert sum(len(each["attempts"]) for each in log_of(told, deaf)) == 1
    put(told, url)
    told.put_order(("A", 1))
    told.job("tell")
    assert len(here.told) == 1, "it is not behind what the other has not taken"
    assert sum(len(each["attempts"]) for each in log_of(told, deaf)) == 2


def test_who_answers_gone_is_told_no_more(told: House, receiver: tuple[str, type[Receiver]]):
    url, here = receiver
    here.answers.append((410, {}))
    hook = put(told, url)
    told.put_order(("A", 1))
    told.put_order(("A", 1))
    told.job("tell")
    told.job("tell")
    known = told.ok(told.http.get("/oms/v1/webhooks"))
    assert [(each["id"], each["off_because"]) for each in known] == [(hook, "gone")]
    told.put_order(("A", 1))
    told.job("tell")
    assert len(here.told) <= 2


def test_a_test_event_is_sent_once_for_a_command(told: House, receiver: tuple[str, type[Receiver]]):
    url, here = receiver
    hook, command = put(told, url), str(an_id())
    for _ in range(2):
        told.http.post(f"/oms/v1/webhooks/{hook}:test", json={"command_id": command})
    told.job("tell")
    (headers, body), *more = here.told
    assert not more
    assert Webhook(SECRET).verify(body, headers)["type"] == "TestEvent"


def test_a_changed_secret_signs_beside_the_one_before(
    told: House, receiver: tuple[str, type[Receiver]]
):
    url, here = receiver
    hook = put(told, url)
    body = {"url": url, "secret": NEXT_SECRET}
    assert told.http.put(f"/oms/v1/webhooks/{hook}", json=body).status_code == 200
    act(told, f"webhooks/{hook}:test")
    told.job("tell")
    headers, text = here.told[0]
    assert Webhook(SECRET).verify(text, headers) == Webhook(NEXT_SECRET).verify(text, headers)


def test_nobody_is_told_after_asking_for_silence(told: House, receiver: tuple[str, type[Receiver]]):
    url, here = receiver
    hook = put(told, url)
    told.put_order(("A", 1))
    assert told.http.delete(f"/oms/v1/webhooks/{hook}").status_code == 204
    told.job("tell")
    assert not here.told


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"types": ["OrderEaten"]}, "unknown_event_type"),
        ({"secret": "whsec_c2hvcnQ="}, "weak_secret"),
        ({"url": "http://user@shop.example/"}, "malformed"),
        ({"color": "blue"}, "malformed"),
    ],
)
def test_a_bad_subscription_says_what_is_wrong(house: House, body: dict[str, Any], code: str):
    whole = {"url": "https://shop.example/hook", "secret": SECRET} | body
    answer = house.http.put(f"/oms/v1/webhooks/{an_id()}", json=whole)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
