"""Fingerprints: equal to those of the reference implementation, however an event is written.

The three hashes were made with epcis-event-hash-generator 1.9.3 (MIT), which the authors of the
standard wrote, from these very events.
"""

import json
from typing import Any

import pytest

from wms.epcis.hashing import event_hash
from wms.epcis.names import canonical

EXAMPLE = {"example": "https://ns.example.com/epcis/"}
RECEIVED: dict[str, Any] = {
    "type": "ObjectEvent", "eventTime": "2026-11-27T18:00:00.123456+09:00",
    "eventTimeZoneOffset": "+09:00", "action": "OBSERVE", "bizStep": "receiving",
    "epcList": ["urn:epc:id:sgtin:4012345.011111.9876", "urn:epc:id:sgtin:4012345.011111.5432"],
    "disposition": "in_progress", "readPoint": {"id": "urn:epc:id:sgln:4012345.00005.D1"},
    "bizLocation": {"id": "urn:epc:id:sgln:4012345.00005.0"},
    "bizTransactionList": [
        {"type": "po", "bizTransaction": "urn:epcglobal:cbv:bt:5200001000008:9999"},
        {"type": "desadv", "bizTransaction": "urn:epcglobal:cbv:bt:5200001000008:1111"},
    ],
}  # fmt: skip
PACKED: dict[str, Any] = {
    "type": "AggregationEvent", "eventTime": "2026-11-27T09:00:00Z",
    "eventTimeZoneOffset": "+00:00", "parentID": "urn:epc:id:sscc:4012345.0111111111",
    "childEPCs": ["urn:epc:id:sgtin:4012345.011111.9876"],
    "childQuantityList": [
        {"epcClass": "urn:epc:class:lgtin:4012345.011111.L1", "quantity": 12.50, "uom": "KGM"},
        {"epcClass": "urn:epc:idpat:sgtin:4012345.011111.*", "quantity": 3},
    ],
    "action": "ADD", "bizStep": "https://ref.gs1.org/cbv/BizStep-packing",
    "persistentDisposition": {"set": ["completeness_verified"], "unset": ["completeness_inferred"]},
    "sourceList": [{"type": "owning_party", "source": "urn:epc:id:pgln:4012345.00000"}],
    "destinationList": [{"type": "location", "destination": "urn:epc:id:sgln:4012345.00005.0"}],
}  # fmt: skip
LOOKED_AT: dict[str, Any] = {
    "type": "ObjectEvent", "eventTime": "2026-11-27T09:00:00Z", "eventTimeZoneOffset": "+00:00",
    "quantityList": [
        {"epcClass": "https://shop.example.com/p/01/4012345111118/10/L1?17=270101", "quantity": 7}
    ],
    "action": "OBSERVE", "bizStep": "inspecting", "example:colour": "red",
    "example:box": {"example:b": "2", "example:a": "1"},
}  # fmt: skip
HASHES = [
    (RECEIVED, "30a5cff8305725571f48993fbe0347cc832a6145dc3c3f3b90f76193b3bdd97c"),
    (PACKED, "e63ae8dadf26879e9768bb8be5fc548568cc4583431f7236dc6d3c7e4856f8d7"),
    (LOOKED_AT, "79b3469ef478057d94528a3576c9929bdc1d0c329577dac6e35bc8dd9374b84b"),
]


@pytest.mark.parametrize(("event", "known"), HASHES)
def test_it_is_that_of_the_reference(event: dict[str, Any], known: str):
    assert event_hash(event, EXAMPLE) == f"ni:///sha-256;{known}?ver=CBV2.0"


def test_how_it_is_written_does_not_matter():
    other = json.loads(json.dumps(RECEIVED))
    other["eventTime"] = "2026-11-27T09:00:00.123Z"
    other["epcList"] = [
        "https://id.gs1.org/01/04012345111118/21/5432",
        "https://example.com/some/where/01/4012345111118/21/9876?17=270101",
    ]
    other["bizStep"] = "urn:epcglobal:cbv:bizstep:receiving"
    other["eventID"], other["recordTime"] = "urn:uuid:1", "2026-11-28T00:00:00Z"
    other["bizTransactionList"].reverse()

    assert event_hash(other) == event_hash(RECEIVED)


@pytest.mark.parametrize("change", [
    {"action": "ADD"}, {"eventTime": "2026-11-27T18:00:00.124+09:00"}, {"bizStep": "storing"},
    {"epcList": RECEIVED["epcList"][:1]}, {"eventTimeZoneOffset": "+08:00"},
    {"example:colour": "red"},
])  # fmt: skip
def test_what_is_told_does(change: dict[str, Any]):
    assert event_hash({**RECEIVED, **change}, EXAMPLE) != event_hash(RECEIVED, EXAMPLE)


@pytest.mark.parametrize(("name", "link"), [
    ("urn:epc:id:sgtin:4012345.011111.A%2FB", "https://id.gs1.org/01/04012345111118/21/A%2FB"),
    ("urn:epc:id:grai:4012345.55555.SN", "https://id.gs1.org/8003/04012345555554SN"),
    ("urn:epc:id:giai:4012345.A.B", "https://id.gs1.org/8004/4012345A.B"),
    ("https://id.gs1.org/01/04012345111118/22/2A/21/987",
     "https://id.gs1.org/01/04012345111118/21/987"),
    ("urn:epc:id:sgtin:4012345.0111111.1", "urn:epc:id:sgtin:4012345.0111111.1"),  # too long
    ("https://example.com/01/4012345111119", "https://example.com/01/4012345111119"),  # check digit
    ("urn:soko:site:TYO1", "urn:soko:site:TYO1"),
])  # fmt: skip
def test_names_have_one_form(name: str, link: str):
    assert canonical(name) == link
    assert canonical(link) == link
