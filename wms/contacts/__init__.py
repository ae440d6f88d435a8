"""Contacts: who a person is, kept apart from what was ordered, and forgotten on request.

Everything else knows a person by an id. Name, address, mail and telephone are here alone, under
a key of that person's own: whoever destroys the key has erased them.
"""

from wms.contacts.contact import Contact
from wms.contacts.keep import (
    change_contact,
    erase_contact,
    find_contacts,
    read_contact,
    save_contact,
)

__all__ = [
    "Contact",
    "change_contact",
    "erase_contact",
    "find_contacts",
    "read_contact",
    "save_contact",
]
