"""The swarm: the whole system on virtual time, under faults that a seed draws.

    customers ──┐            ┌── people, carrier
              office ~~~~ control ~~~~ edge ──── robots, belt and sorter, gate
        (what is promised) (wcs.step) (sessions, spool)     (what really happens)
              ~~~~ lines that lose, double, delay, mix up, and are cut for hours

    plan      what a seed draws: weather, work, mishaps; a list, so that it can be made shorter
    timeline  virtual time; line: a network; pump: the sending end of a stream
    office    the WMS: its pure core; house: the whole of it, on PostgreSQL
    control   the process of the WCS: journal, intake and engine are the product's own
    edge      the process beside the machines: spool, stamps, fence and sessions are its own
    devices   robots that speak VDA 5050, a belt with a sorter, a gate: they know what is true
    people    who orders, picks, packs, carries; walk: through the gate
    machines  control, edge and devices together; world: with office and people
    laws      what must be true after each step; shrink; run

A seed is played the same way each time, so a seed that fails is a command that anybody can run:
`soko sim swarm --first-seed 77 --seeds 1`. Nothing sleeps and no socket is opened; the files of
the processes lie in memory (a folder of the caller's), for what is committed there outlives a
kill, and power cuts are somebody else's drill (tests/faults/test_edge_drill.py).
"""
