"""The stock ledger: what there is, what is promised, and every movement between.

Two layers, written together in one transaction and by nobody else:

    promise    `stock_balance`, one row a site, owner, SKU and segment, one counter a state:
               free = sellable - blocked - reserved - allocated - safety;
               `hold`, units set aside for one demand; `supply`, what is to come
    physical   `movement`, append-only and double entry; `quant`, what stands where: its sum

All quantities are whole base units of the SKU. Posting is set-based: the functions live in the
database (wms/migrations), lock all balances of a call in the order of their keys, decide, and
write once. The application may execute them and may not write the tables.

Written by
    promises       reserve, extend, swap, reassign, expire; `request`, `columns` carry the lines
    incoming       supply is announced, lands, is closed
    ledger         advance, move: holds go their way, goods from place to place
    transfer       goods go from site to site: what leaves here arrives there, once
    unit_moves     a unit goes elsewhere with all that is in it; `units`: which is in which
    coalescer      many callers' lines become one posting; `poison`: one bad line spoils no other
    saga           holds over several cells, all or none; `saga_record`, `saga_steps`
    over_cells     the door when there are several cells

Read by
    network        the one view: SKUs over all sites, in all states; `read_cells`: over cells
    availability   for those who promise and pick: free by site, what can be picked
    browse         the stock page: SKUs by code, a bounded piece at a time
    supply         what is on its way, and ATP by day (`promising`)
    near           the nearest places that have enough
    feed           what has become of what was free, change by change
    inquire        how a hold stands

Proven by
    laws           every invariant, as a query for what breaks it
    verify, prove  the laws judged on one snapshot; `verify_cells`: in all cells
    checkpoint     what the movements through the end of a month add up to
    seal           a chain of signatures over the movements
    lanes          goods that have been on their way for too long

Pure: `balance`, `promising`, `weight`. `model` has the tables; only this package may name them.
`posting` and `faults` are what all postings share.
"""
