"""Orders: what customers were promised, and from which site each line comes.

    place        an order is taken; every line is held where it can be, or waits, or ends
    hold         where, by rule, for delivery, collection, reservation and transfer
    hold_supply  pre-orders: what is still to come is held, and gets stock when it comes
    source       the held lines of many orders are given to the sites that fulfil them best
    promise      what the customer was told about when; each change of it has a reason (I15)
    backorder    what waits gets stock when it comes, by priority, then by age
    change       address, day, collection point and lines, while each can still be changed
    cancel       an order, or units of it, are taken back at any stage at which that can be
    refunds      money for units that do not come goes back, once
    cart         what somebody is about to buy is held for a time, and becomes an order
    reserve      click & reserve: reminder, extension, the end of who does not come
    waitlist     who wants what is not there is offered it, one after the other
    close        lines and orders end: each in exactly one final state
    laws         what `soko verify` asks
    model        the tables

A line ends in exactly one of SHIPPED, BACKORDERED, CANCELLED, RETURNED, SERVICE, and before that
its allocations say how far it is: one row for each hold of the ledger that stands for it.
"""
