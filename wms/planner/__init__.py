"""The planner's desk: what would be if the network were otherwise, and making it so.

    snapshot    the network as it is now, frozen and known by its hash (optimizer.scenarios)
    scenarios   differences from a snapshot, by name
    runs        a scenario played for several days in a process of its own
    compare     runs side by side: cost, service, and which decisions changed
    proposals   a scenario that is to be: proposed, approved by somebody else, activated on a day,
                taken back; and what it was said to do against what it did
    report      a day that was played, against what the usual rules would have made of it

A scenario never writes stock or orders. What is activated is the product's own policies.
"""
