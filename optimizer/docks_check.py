"""Whether trucks can use their doors as planned: written without a line of who planned it.

    faults(problem, plan) -> what is wrong, in words; nothing if all is right

A sheet of doors by steps is filled in, truck by truck.
"""

from collections.abc import Sequence

import numpy as np

from optimizer.docks import Problem, Slot


def faults(problem: Problem, plan: Sequence[Slot | None]) -> list[str]:
    """What is wrong with a plan."""
    found = [] if len(plan) == len(problem.trucks) else ["not every truck is planned"]
    sheet = np.zeros((len(problem.doors), max((d.closes for d in problem.doors), default=0)), int)
    for number, slot in enumerate(plan):
        truck = problem.trucks[number]
        if number in problem.fixed and slot != problem.before[number]:
            found.append(f"truck {number} was fixed")
        if slot is None:
            continue
        door, end = problem.doors[slot.door], slot.starts + truck.lasts
        if truck.way[slot.door] is None:
            found.append(f"truck {number} cannot go to door {slot.door}")
        if slot.starts < truck.arrives:
            found.append(f"truck {number} begins before it is there")
        if slot.starts < door.opens or end > door.closes:
            found.append(f"door {slot.door} is closed for truck {number}")
        sheet[slot.door, slot.starts : end] += 1
    doors, steps = np.nonzero(sheet > 1)
    found += [f"door {d} has two at step {s}" for d, s in zip(doors, steps, strict=True)]
    return found


def cost(problem: Problem, plan: Sequence[Slot | None]) -> int:
    """What a plan costs."""
    total = 0
    for number, slot in enumerate(plan):
        truck = problem.trucks[number]
        if slot is None:
            total += problem.left_out
            continue
        late = slot.starts + truck.lasts - truck.due
        total += (slot.starts - truck.arrives) * truck.waits
        total += late * truck.late if late > 0 else 0
        total += truck.way[slot.door] or 0
        if problem.before and problem.before[number] is not None:
            total += 0 if slot == problem.before[number] else problem.move
    return total
