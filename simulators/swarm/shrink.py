"""Make a failing plan shorter: the items without which it still fails are left out.

First halves, then quarters, then single items (delta debugging); what is left cannot lose any one
item. The failure may change on the way: any broken law will do.

Source: Zeller, Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002.
"""

from collections.abc import Callable

from simulators.swarm.plan import Plan


def shrink(plan: Plan, fails: Callable[[Plan], bool]) -> Plan:
    """The shortest plan that was found to fail; `fails` plays one."""
    parts = 2
    while (count := len(plan.items)) > 1:
        size = max(1, count // parts)
        for start in range(0, count, size):
            kept = plan.items[:start] + plan.items[start + size :]
            fewer = plan.only(frozenset(item.number for item in kept))
            if kept and fails(fewer):
                plan, parts = fewer, max(2, parts - 1)
                break
        else:
            if size == 1:
                break
            parts = min(count, parts * 2)
    return plan
