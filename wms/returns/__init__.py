"""Returns: goods that come back from customers.

    accept     a return is asked for; if it may come, it is expected
    entitled   how much of an order may still come back, and until when
    label      a parcel that comes back travels on a label of ours
    bench      a box is opened, counted, graded
    counter    bought online, returned in a store
    refused    a parcel that the customer did not take
    goods      from the customer to the bench, and to where they stay
    settle     what goes back for it, once
    exchange   what the customer wants instead leaves first
    ending     what does not come after all
    rules      dispositions and amounts, pure; `policy`: as they were saved
    people     what somebody must look at
    jobs       what the worker does of it
    model      the tables

A return may name no order: an anonymous customer brings back what was bought long ago. Its lines
are lines like an order's, and end RETURNED.
"""
