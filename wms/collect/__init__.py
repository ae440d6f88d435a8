"""Collect: what store staff do with orders that end, or begin, in their store.

    policy    how a store answers: by hand or by itself, how long it keeps what is ready
    code      the six digits and the QR that a customer shows, derived from the order's token
    open      an order to be collected becomes a collection of its store
    answer    the store accepts, or cannot
    prepare   the packet: fetch, bag, label, shelf
    ready     a bag lies ready: the customer is told, and reminded
    handover  the customer shows the code and has the goods
    floor     what nobody has goes back to the floor
    ship      deliveries out of a store: accepted or not
    jobs      all this as time goes by

A collection stands for one order at the store where it is collected; the goods are those of the
order's allocations there. Everybody locks the order first, then the collection.
"""
