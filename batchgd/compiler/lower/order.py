"""The order in which the nodes of straight-line code are computed: one that keeps few values alive.

A trace has all of the value first and then the slopes from back to front, so nearly everything would wait in memory.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence

from batchgd.compiler.trace.graph import Node


def frugal(nodes: Sequence[Node], needs: Callable[[Node], Iterable[Node]]) -> list[Node]:
    """Return nodes in an order of computation: always next what frees most values, and of those the one enabled last.

    ``needs`` gives what a node is computed from, which may include nodes that are not among these. What no other node
    needs is taken to be stored at once.
    """
    here = {node.id: node for node in nodes if not node.is_constant}
    operands = {node.id: {need.id for need in needs(node) if need.id in here} for node in here.values()}
    users: dict[int, list[int]] = {number: [] for number in here}
    for number, asked in operands.items():
        for need in asked:
            users[need].append(number)
    waiting = {number: len(asked) for number, asked in operands.items()}
    left = {number: len(each) for number, each in users.items()}

    def freed(number: int) -> int:
        return sum(left[need] == 1 for need in operands[number]) - (left[number] > 0)

    clock, order = 0, [node for node in nodes if node.is_constant]
    ready = [(-freed(number), 0, number) for number, count in waiting.items() if count == 0]
    heapq.heapify(ready)
    done: set[int] = set()
    while ready:
        _, _, number = heapq.heappop(ready)
        if number in done:
            continue
        done.add(number)
        order.append(here[number])
        clock -= 1
        for need in operands[number]:
            left[need] -= 1
            if left[need] == 1:  # whoever is last to use it frees it
                for user in users[need]:
                    if user not in done and waiting[user] == 0:
                        heapq.heappush(ready, (-freed(user), clock, user))
        for user in users[number]:
            waiting[user] -= 1
            if waiting[user] == 0:
                heapq.heappush(ready, (-freed(user), clock, user))
    return order
