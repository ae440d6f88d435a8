"""Privacy: a person's data is exported, erased and forgotten in time; the stock history stays.

    person   whose data it is: contacts found by mail or telephone, their orders, what is still open
    export   all of it as JSON
    erase    the key is destroyed, and what else in orders says where somebody lives; a receipt
    jobs     what is kept for long enough is erased, but not while an order is open

A person is as many contacts as they have orders: each order has its own, with its own key. What is
left after an erasure: that on a day goods went from a site to a prefecture.
"""
