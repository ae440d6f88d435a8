"""Work: what is to be done, who has it in hand, and how a device walks through it.

    tasks    the pool: leased to one device at a time, with a fence token for those who come late
    packet   PURE one piece of work as a device sees it: steps, and what each event does to them

A task knows nothing of what it is for: `outbound` and `returns` fill its packet, and are asked to
carry out what the packet says was done.
"""
