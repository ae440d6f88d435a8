"""Replenishment: stores and pick faces are filled up before they run empty, by proposals.

policies    how much a site wants to have of a SKU, and a pick face of its goods
levels      from demand and a service level: forecast, then (s, S)
demand      what was sold day by day, and what will be
propose     what lies below its level and is not on its way becomes a proposal
balance     what one site has too much of and another needs (optimizer.balancing)
decide      a proposal is approved: a transfer, or a task; or rejected with a reason
faces       the packet that fills a pick face from the reserve
rules       PURE how much to order
model       the tables

position = free + on its way + in open proposals        below `low`: up to `high`
"""
