"""The description of the API (OpenAPI), as other systems need it: what may go wrong, who may come.

    describe(app)    what /openapi.json says from now on

Every operation says which problems it may answer with (RFC 9457, with a `code` that never
changes), which scope a key must have, and when to come again. `docs/openapi.json` is a copy that a
test keeps equal, so that a change of the API is seen as one.
"""

from typing import Any, cast

from fastapi import FastAPI

from wms.access import SCOPES
from wms.api.doors import PEOPLE, PUBLIC, READS, policy_of

PROBLEM = "application/problem+json"
TAGS = {
    "oms": "Order systems: orders, returns, shipments, transfers.",
    "returns": "What comes back: by parcel, at a counter; rules of what becomes of it.",
    "payments": "Tenders and refunds.",
    "decisions": "Why this site; policies, also in the shadow; closed sites.",
    "shop": "Shops: carts, reservations, waiting lists.",
    "stock": "Stock: holds, availability, what is to come, the feed of changes.",
    "inbound": "Suppliers: deliveries, docks, what was received.",
    "billing": "Owners of goods: tariffs, invoices, the movements behind each line.",
    "epcis": "Partners: what happened to goods, in the words of EPCIS 2.0.",
    "masters": "Sites, places, goods.",
    "webhooks": "Events that are sent to you, and the log of it.",
    "catalog": "Every event and every problem that there is.",
    "store": "Screens of store staff.",
    "privacy": "Personal data: who an order is for, export, erasure, retention.",
    "track": "A customer follows an order.",
    "handheld": "Work packets of handhelds.",
    "people": "Operators and devices: pairing, signing in.",
    "supervise": "Tasks, exceptions, labour: what supervisors see and decide.",
    "packing": "Cartons, benches, printers, print jobs, manifests.",
    "console": "Supervisors.",
    "planner": "What if: snapshots, scenarios, runs, comparison, proposals, the day report.",
    "control": "The control room: alarms, the last day, machines.",
    "health": "Is it up?",
}
_SCHEMA = {
    "type": "object",
    "description": "What was wrong (RFC 9457); the facts of the situation stand beside `code`.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "one of /catalog/problems; it never changes"},
    },
    "required": ["type", "title", "status", "code"],
    "additionalProperties": True,
    "example": {
        "type": "not-found",
        "title": "Not found",
        "status": 404,
        "detail": "order 0193a1d2-7c00-7000-8000-000000000001",
        "code": "not_found",
    },
}
_RETRY = {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}}
_ALWAYS = {
    "400": "It is no request that can be read",
    "404": "It does not exist",
    "422": "It cannot be meant, or a rule says no",
    "503": "Not now: come again, with the same ids",
}
_WRITING = {
    "409": "The world has moved on: read again, decide again",
    "413": "It is too long",
    "415": "It is not JSON",
    "429": "Too many at once: come again, with the same ids",
}
_SIGNED_IN = {"401": "Nobody has signed in", "403": "They may not do this"}
_AT_THE_DOOR = {"401": "Whoever this is, they are not known here", "403": "Not from this page"}
_DOORS = ("/sign-in", "/set-up", "/me", "/sign-out", "/login", "/callback", "/pair")
_WITH_KEY = {"401": "No key, or none that is good", "403": "The key lacks the scope"}


def describe(app: FastAPI) -> None:
    """Let the application describe itself so."""
    plain = app.openapi
    found: dict[str, Any] = {}

    def whole() -> dict[str, Any]:
        if not found:
            found.update(_complete(plain()))
        return found

    cast("Any", app).openapi = whole


def _complete(said: dict[str, Any]) -> dict[str, Any]:
    parts = said.setdefault("components", {})
    parts.setdefault("schemas", {})["Problem"] = _SCHEMA
    parts["schemas"].pop("HTTPValidationError", None)
    parts["schemas"].pop("ValidationError", None)
    parts["securitySchemes"] = {
        "key": {
            "type": "http",
            "scheme": "bearer",
            "description": "soko_ID_SECRET, made by `soko key make`. Scopes: "
            + "; ".join(f"`{name}`: {what}" for name, what in SCOPES.items()),
        }
    }
    used = {tag for _, _, operation in _operations(said) for tag in operation.get("tags", ())}
    said["tags"] = [
        {"name": name, "description": TAGS.get(name, name)}
        for name in sorted(used, key=lambda name: ([*TAGS, name].index(name), name))
    ]
    for path, method, operation in _operations(said):
        _say_what_may_go_wrong(path, method, operation)
    return said


def _operations(said: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in said["paths"].items()
        for method, operation in methods.items()
    ]


def _say_what_may_go_wrong(path: str, method: str, operation: dict[str, Any]) -> None:
    policy = policy_of(path)
    assert policy is not None, f"{path}: say in wms.api.doors who may come"
    scope = policy.read if method.upper() in READS else policy.write
    problems = dict(_ALWAYS)
    if method.upper() not in READS:
        problems |= _WRITING
    elif scope == PUBLIC:
        problems["429"] = _WRITING["429"]
    if scope == PEOPLE:
        problems |= _SIGNED_IN
    elif scope == PUBLIC:
        problems |= _AT_THE_DOOR if path.endswith(_DOORS) else {}
    else:
        problems |= _WITH_KEY
        operation["security"] = [{"key": [scope]}]
    answers = operation["responses"]
    for general in ("4XX", "5XX"):
        answers.pop(general, None)
    for status, what in problems.items():
        said = answers.setdefault(status, {"description": what})
        said["content"] = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        if status in {"429", "503"}:
            said["headers"] = _RETRY
