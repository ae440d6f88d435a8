"""The stock ledger: what there is, what is promised, and every movement between.

Two layers, written together in one transaction and by nobody else:

    promise    `stock_balance`, one row a site, owner, SKU and condition, one counter a state:
               free = sellable - reserved - allocated - safety;
               `hold`, units set aside for one demand
    physical   `movement`, append-only and double entry; `quant`, what stands where: its sum

All quantities are whole base units of the SKU. Posting is set-based: the functions live in the
database (wms/migrations), lock all balances of a call in the order of their keys, decide, and
write once. The application may execute them and may not write the tables.

    ledger         reserve, advance, move, reassign, expire: the only way in
    balance        the laws of one account and of one hold, as pure Python
    availability   the read side for those who promise and pick: free by site, what can be picked
    network        the one view: SKUs over all sites, in all states
    browse         the stock page: SKUs by code, a bounded piece at a time
    promising      what may be promised for a day to come, as pure Python
    supply         what is on its way, and ATP by day
    near           the nearest places that have enough
    feed           what has become of what was free, change by change
    units          totes and parcels: what stands where, which is in which
    unit_moves     a unit goes elsewhere with all that is in it
    transfer       goods go from site to site: what leaves here arrives there, once
    weight         what goods by weight weigh, as pure Python
    verify         every invariant, recomputed from the movements
    model          the tables; only this package may name them
"""
