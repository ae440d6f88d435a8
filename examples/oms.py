"""An order system in fifty lines: it places an order with Soko and hears what becomes of it.

    python examples/oms.py http://127.0.0.1:8080 [SKU]

With keys asked for, put one with the scopes orders:write and webhooks into SOKO_KEY. Soko must be
allowed to call this machine: SOKO_WEBHOOKS_ALLOWED='["127.0.0.0/8"]' (the demo is).
"""

import json
import os
import sys
import uuid
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx2
from standardwebhooks import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - make your own: 24 random bytes
LAST = {"OrderShipped", "OrderCancelled", "OrderClosed"}


class Hook(BaseHTTPRequestHandler):
    """Where Soko tells us; anything that is not signed with our secret is refused."""

    def do_POST(self) -> None:
        """Take one event. An id that was heard before is a repetition: thank, and do nothing."""
        body = self.rfile.read(int(self.headers["content-length"]))
        event = Webhook(SECRET).verify(body, {k.lower(): v for k, v in self.headers.items()})
        if self.headers["webhook-id"] not in heard:
            heard[self.headers["webhook-id"]] = event
            print(event["type"], json.dumps(event["data"], ensure_ascii=False), flush=True)
        self.send_response(204)
        self.end_headers()


heard: dict[str, dict[str, object]] = {}
root, sku = sys.argv[1], (sys.argv[2:] or ["85123A"])[0]
key = {"authorization": f"Bearer {os.environ['SOKO_KEY']}"} if "SOKO_KEY" in os.environ else {}
soko = httpx2.Client(base_url=root, headers=key, timeout=10)
server = HTTPServer(("127.0.0.1", 0), Hook)
hook = {"url": f"http://127.0.0.1:{server.server_port}/", "secret": SECRET}
soko.put(f"/oms/v1/webhooks/{uuid.uuid5(uuid.NAMESPACE_URL, root)}", json=hook).raise_for_status()

order_id = uuid.uuid4()  # made by us and kept: sent again after a lost answer, it is the same order
tokyo = {"prefecture": "東京都", "postal_code": "100-0001", "latitude": 35.7, "longitude": 139.8}
order = {"number": f"EX-{order_id.hex[:6]}", "channel": "example", "ship_to": tokyo,
         "placed_at": datetime.now(UTC).isoformat(),
         "lines": [{"line_no": 1, "sku": sku, "units": 1, "price_minor": 1200}]}  # fmt: skip
answer = soko.put(f"/oms/v1/orders/{order_id}", json=order)
if answer.is_error:
    sys.exit(f"{answer.json()['code']}: {answer.json()['detail']}")
print("placed", order["number"], answer.json()["status"], flush=True)
while not any(e["type"] in LAST and e["data"]["id"] == str(order_id) for e in heard.values()):  # type: ignore[index]
    server.handle_request()
