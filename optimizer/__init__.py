"""What would be best: problems in, solutions out.

A pure library. A problem is arrays and plain numbers and checks itself when it is made; a
solution says its status, objective, bound and gap, and where the cost comes from. Nothing here
knows a SKU's name, a database or a clock: time enters as a limit, chance as a seed.
"""
