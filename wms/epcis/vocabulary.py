"""The words of the Core Business Vocabulary (CBV) 2.0 that EPCIS events are written in.

A word stands bare ("receiving"), as a link ("https://ref.gs1.org/cbv/BizStep-receiving") or, in
older documents, as a URN ("urn:epcglobal:cbv:bizstep:receiving"). Here it is bare. A business of
its own may use URIs of its own; a bare word that the standard does not know is a mistake.

Pure. Source: GS1 Core Business Vocabulary 2.0, sections 7.1 to 7.4.
"""

from collections.abc import Mapping


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


BIZ_STEPS = _words("""
    accepting arriving assembling collecting commissioning consigning creating_class_instance
    cycle_counting decommissioning departing destroying disassembling dispensing encoding
    entering_exiting holding inspecting installing killing loading other packing picking receiving
    removing repackaging repairing replacing reserving retail_selling sampling sensor_reporting
    shipping staging_outbound stock_taking stocking storing transporting unloading unpacking
    void_shipping
""")
DISPOSITIONS = _words("""
    active available completeness_verified completeness_inferred conformant container_closed
    container_open damaged destroyed dispensed disposed encoded expired in_progress in_transit
    inactive mismatch_class mismatch_instance mismatch_quantity needs_replacement no_pedigree_match
    non_conformant non_sellable_other partially_dispensed recalled reserved retail_sold returned
    sellable_accessible sellable_not_accessible stolen unavailable unknown
""")
TRANSACTIONS = _words("""
    bol cert desadv inv pedigree po poc prodorder recadv rma testprd testres upevt
""")
PARTIES = frozenset({"owning_party", "possessing_party", "location"})
ERROR_REASONS = frozenset({"did_not_occur", "incorrect_data"})
WORDS: Mapping[str, tuple[str, str, frozenset[str]]] = {  # field -> prefixes and words
    "bizStep": ("https://ref.gs1.org/cbv/BizStep-", "urn:epcglobal:cbv:bizstep:", BIZ_STEPS),
    "disposition": ("https://ref.gs1.org/cbv/Disp-", "urn:epcglobal:cbv:disp:", DISPOSITIONS),
    "bizTransaction": ("https://ref.gs1.org/cbv/BTT-", "urn:epcglobal:cbv:btt:", TRANSACTIONS),
    "party": ("https://ref.gs1.org/cbv/SDT-", "urn:epcglobal:cbv:sdt:", PARTIES),
    "reason": ("https://ref.gs1.org/cbv/ER-", "urn:epcglobal:cbv:er:", ERROR_REASONS),
}


def bare(field: str, word: str) -> str:
    """A word of the standard without its prefix; anything else as it is."""
    link, urn, _ = WORDS[field]
    for prefix in (link, urn):
        if word.startswith(prefix):
            return word.removeprefix(prefix)
    return word


def linked(field: str, word: str) -> str:
    """A word as a link; a URI of one's own as it is."""
    link, _, words = WORDS[field]
    plain = bare(field, word)
    return f"{link}{plain}" if plain in words else word


def is_known(field: str, word: str) -> bool:
    """Whether it is a word of the standard, or a URI of somebody's own."""
    link, urn, words = WORDS[field]
    if word.startswith((link, urn)):
        return bare(field, word) in words
    return ":" in word or word in words
