"""Doors: what each address of the API is for, and what one must be allowed to come there.

    POLICIES    every path that there is, by its beginning; what no line names is nobody's: 404

    PUBLIC      anybody: health, documentation, tracking by a token that cannot be guessed
    a scope     who may do that: a key, somebody of the office, somebody with a badge
                (wms.access.SCOPES, wms.identity.roles)

    tenants     who is limited to some owners may come too, to read or also to write: what is
                answered there is theirs alone
    sites       likewise who is limited to some sites
    note        as what a change there is noted in the audit log (wms.identity.audit)

Deny by default: who is limited stays out where the line does not let them in, and a test compares
the table with the routes. Who asks is in wms.api.entrance.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from wms.identity.audit import Kind

PUBLIC, PEOPLE = "public", "work"
READS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may read and who may write what begins with `path`."""

    path: str
    read: str
    write: str
    tenants: Literal["", "read", "write"] = ""
    sites: bool = False
    note: Kind | None = None

    def is_for_tenants(self, method: str) -> bool:
        """Whether who is limited to some owners may do that there."""
        return self.tenants == "write" or (self.tenants == "read" and method in READS)


def _desk(*names: str, write: str, sites: bool = True, note: Kind | None = None) -> list[Policy]:
    """Lines of the console."""
    return [
        Policy(f"/console/v1/{name}", "floor:read", write, sites=sites, note=note) for name in names
    ]


# The longest beginning counts.
POLICIES = (
    Policy("/oms/v1/webhooks", "webhooks", "webhooks", tenants="write", note="config"),
    Policy("/oms/v1/deliveries", "webhooks", "webhooks", tenants="write"),
    Policy("/oms/v1", "orders:read", "orders:write"),
    Policy("/oms/v1/orders", "orders:read", "orders:write", tenants="write"),
    Policy("/oms/v1/shipments", "orders:read", "orders:write", tenants="write"),
    Policy("/shop/v1", "shop", "shop"),
    Policy("/v1", "stock:read", "stock:write"),
    Policy("/v1/holds", "stock:read", "stock:write", tenants="write", sites=True),
    Policy("/v1/availability", "stock:read", "stock:write", tenants="read", sites=True),
    Policy("/v1/atp", "stock:read", "stock:write", tenants="read", sites=True),
    Policy("/v1/supplies", "stock:read", "stock:write", tenants="write", sites=True),
    Policy("/inbound/v1", "inbound", "inbound"),
    Policy("/inbound/v1/asns", "inbound", "inbound", tenants="write", sites=True),
    Policy("/billing/v1", "billing", "billing", note="config"),
    Policy("/billing/v1/invoices", "billing", "billing", tenants="read"),
    Policy("/billing/v1/tariffs", "billing", "billing", tenants="read", note="config"),
    Policy("/epcis/v2", "epcis", "epcis"),
    Policy("/master/v1", "stock:read", "masters:write"),
    Policy("/master/v1/skus", "stock:read", "masters:write", tenants="write"),
    Policy("/master/v1/lots", "stock:read", "masters:write", tenants="write"),
    Policy("/master/v1/pictures", PUBLIC, "masters:write"),
    Policy("/api/v1", "work", "work", sites=True),
    Policy("/api/v1/devices", PUBLIC, PUBLIC),  # by the token of the device, or a pairing code
    Policy("/api/v1/people", PUBLIC, PUBLIC),  # likewise, with badge and PIN
    Policy("/store/v1", "work", "work", sites=True),
    Policy("/console/v1", "floor:read", "floor:write"),
    *_desk("tasks", "counts", "unknown", "receipts", "releases", write="floor:write",
           note="override"),
    *_desk("exceptions", write="floor:write", note="command"),
    *_desk("labour", "waves", "manifests", "putaways", "inspections", write="floor:write"),
    *_desk("stock-policies", "pick-faces", "count-policy", "cartons", "pack-rules",
           "pick-stations", "pack-stations", "printers", "work-rules", "work-standards",
           "channels", "inbound-policies", "inspection-plans", "doors",
           write="rules", note="config"),
    *_desk("policies", "shadow", "closures", "sites", "stock-values", "sku-values", "returns",
           "shipping", "carriers", "putaway", "kits", "imports", "masters",
           write="rules", sites=False, note="config"),
    Policy("/console/v1/exports", "floor:read", "rules", note="export"),
    Policy("/console/v1/machines:ask", "floor:read", "machines", note="command"),
    Policy("/console/v1/second-persons", "floor:read", "floor:write", note="override"),
    Policy("/console/v1/operators", "people", "people", note="rights"),
    Policy("/console/v1/devices", "people", "people", note="rights"),
    Policy("/planner/v1", "planner", "planner"),
    Policy("/planner/v1/ahead", "planner", "planner"),
    Policy("/planner/v1/proposals", "planner", "planner", note="config"),
    Policy("/privacy/v1", "privacy", "privacy", note="export"),
    Policy("/auth/v1", PUBLIC, PUBLIC),
    Policy("/admin/v1", "admin", "admin", note="rights"),
    Policy("/admin/v1/audit", "audit", "audit"),
    Policy("/track/v1", PUBLIC, PUBLIC),
    Policy("/find/v1", PUBLIC, PUBLIC),
    Policy("/catalog", PUBLIC, PUBLIC),
    Policy("/problems", PUBLIC, PUBLIC),
    Policy("/health", PUBLIC, PUBLIC),
    Policy("/t", PUBLIC, PUBLIC),
    Policy("/find", PUBLIC, PUBLIC),
    Policy("/ui", PUBLIC, PUBLIC),
    Policy("/docs", PUBLIC, PUBLIC),
    Policy("/openapi.json", PUBLIC, PUBLIC),
)  # fmt: skip
_BY_PATH = {policy.path: policy for policy in POLICIES}
_HOME = Policy("/", PUBLIC, PUBLIC)


@lru_cache(maxsize=4096)
def policy_of(path: str) -> Policy | None:
    """The line of the table for that path; None: it is nobody's."""
    if path == "/":
        return _HOME
    beginning = path
    while beginning:
        policy = _BY_PATH.get(beginning)
        if policy is not None:
            return policy
        beginning = _shorter(beginning)
    return None


def _shorter(path: str) -> str:
    """Without its last part: /a/b:c -> /a/b -> /a -> nothing."""
    before, _, last = path.rpartition("/")
    name, colon, _ = last.partition(":")
    return f"{before}/{name}" if colon and name else before
