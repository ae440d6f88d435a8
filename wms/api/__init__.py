"""The doors: HTTP for order systems, masters, handhelds and the control room.

    oms           orders, shipments, returns, webhooks
    holds         units set aside for a demand; confirm, extend, release, swap
    admit, quick  the way in for holds: so many at a time, past all other layers
    stock         what is where in which state, what is to come, what has changed
    masters       sites, places, SKUs, receipts, in bulk
    handheld      work packets
    console       the live picture, counters, stock, the plant
    health        is it alive, can it work
    summary       the read module of the console: every counter of the day
    shapes        what comes in and goes out, strictly
    problems      the one table from errors to HTTP (RFC 9457)
    dependencies  what an endpoint may ask for

An endpoint turns a request into a call of a use case within `Database.run`: the answer leaves
after the commit. No rules here.
"""
