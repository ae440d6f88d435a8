"""The record and the rules: what stock there is, who has been promised it, what must be done.

Areas, each importing only those below it (the contract in pyproject.toml holds this):

    api, inbox     the doors: HTTP for people and partners, streams for machines
    returns        goods that come back
    outbound       release, pick, pack, ship
    work           tasks and work packets, for people and machines alike
    orders         place, source, cancel
    stock          the ledger: the only code that writes stock
    catalog, sites masters
    outbox         events, stored with the change that caused them

One request, message or job is one transaction, committed before the answer leaves
(`wms.database`).
"""
