"""The swarm's office, whole: `soko sim swarm --office`.

The product's web application, worker, stream and inbox on a real PostgreSQL, joined to the swarm's
WCS, edge and machines on one virtual time and one seed. The other office (simulators.swarm.office)
is the WMS's pure core, ten times as quick; both play on the same machines.

    plan      what a seed draws: orders, cancels, deliveries, returns, counts, and mishaps
    stage     the server, a database a day, what lies where in the morning
    process   web and worker, which die before or after any of their commits
    people    who works with a handheld: what hands have done is done
    outside   customers, suppliers, the carrier
    world     all of it together, and what must be true; run: many seeds
"""
