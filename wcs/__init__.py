"""The moment-to-moment decisions of one site: which machine does what next.

The whole WCS is one pure function, `wcs.engine.step(state, inbox, now) -> outbox`. Round it
stands a shell (`wcs.runtime`) that takes messages from the bus, writes them down in a journal,
steps, and sends what came out. So a night at a customer's is replayed from its journal, and a
killed WCS comes back as exactly what it was.

Laws:
    one holder     a point of the plant is granted to at most one robot
    never lost     an accepted transport order ends finished, failed or withdrawn, once
    never blocks   a missing WMS stops no robot; a missing robot stops no other one for long
    it replays     the same journal gives the same state and the same outbox, byte for byte

The WCS is never a safety system: it plans movements that the safety of robots and PLCs permits
or refuses, and it is safe to lose: a robot drives to the end of what was released to it and
waits there.
"""
