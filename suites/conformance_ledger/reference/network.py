"""The network between the nodes: a queue of messages, links that can be cut, and one thread that delivers.

Nodes run in one process but share nothing: each message is delivered to one node at a time, under one lock. The
thread sleeps while no node has work, so an idle ledger costs nothing.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager

from conformance_ledger.reference.messages import Message
from conformance_ledger.reference.node import Node
from conformance_ledger.reference.transactions import Rules

#: How often a node with work looks at the clock (seconds).
TICK_S = 0.01


class Network:
    """Delivers messages between running nodes of the same side of a partition."""

    def __init__(self, rules: Rules) -> None:
        self.nodes: dict[str, Node] = {}
        self._rules = rules
        self._condition = threading.Condition(threading.RLock())
        self._queue: deque[tuple[str, str, Message]] = deque()
        self._sides: tuple[frozenset[str], ...] = ()
        self._alive = False
        self._thread: threading.Thread | None = None

    def join(self, nodes: Iterable[Node]) -> None:
        """Connect nodes; they begin to be heard when :meth:`start` is called."""
        for node in nodes:
            self.nodes[node.name] = node
            node.send = self.send

    def locked(self) -> AbstractContextManager[bool]:
        """Hold everything still while reading or changing nodes."""
        return self._condition

    # -- links --------------------------------------------------------------------------------------------

    def divide(self, sides: Iterable[Iterable[str]]) -> None:
        """Cut all links between the given sides; no sides heal the network."""
        with self._condition:
            self._sides = tuple(frozenset(side) for side in sides)
            for node in self.nodes.values():
                node.announce()
        self.wake()

    def linked(self, one: str, other: str) -> bool:
        """Tell whether messages can pass between two nodes."""
        return not self._sides or any(one in side and other in side for side in self._sides)

    def reachable(self, name: str) -> int:
        """Count the nodes on this node's side, itself included."""
        return sum(1 for other in self._names() if self.linked(name, other))

    def peers(self, name: str) -> list[str]:
        """Return the nodes that this one is connected to now."""
        hub = self._names()[0]
        star = self._rules("star-topology")
        return [
            other
            for other in self._names()
            if other != name
            and self.linked(name, other)
            and (self.nodes[other].answering or self._rules("always-healthy"))
            and (not star or hub in (name, other))
        ]

    def _names(self) -> list[str]:
        return sorted(self.nodes)

    # -- delivery -----------------------------------------------------------------------------------------

    def send(self, sender: str, receiver: str | None, message: Message) -> None:
        """Queue a message for one node, or for all others."""
        receivers = [receiver] if receiver else [name for name in self.nodes if name != sender]
        self._queue.extend((sender, name, message) for name in receivers)

    def wake(self) -> None:
        """Tell the thread that there may be something to do."""
        with self._condition:
            self._condition.notify_all()

    def start(self) -> None:
        """Begin to deliver."""
        self._alive = True
        self._thread = threading.Thread(target=self._run, name="ledger-network", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop delivering and wait for the thread."""
        with self._condition:
            self._alive = False
            self._condition.notify_all()
        if self._thread:
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while True:
            with self._condition:
                if not self._alive:
                    return
                self.step()
                busy = any(node.has_work() for node in self.nodes.values())
                if not self._queue:
                    self._condition.wait(TICK_S if busy else None)

    def step(self) -> None:
        """Deliver what is queued now, then let every node look at the clock."""
        for _ in range(len(self._queue)):
            sender, receiver, message = self._queue.popleft()
            ends = self.nodes[sender], self.nodes[receiver]
            if all(node.answering for node in ends) and self.linked(sender, receiver):
                self.nodes[receiver].receive(sender, message)
        for node in self.nodes.values():
            node.tick()


def declared_keys(validators: Mapping[str, str]) -> list[dict[str, str]]:
    """Return validators as the product lists them: name, algorithm and public key."""
    return [{"name": name, "algorithm": "sm2-sm3", "public_key": key} for name, key in sorted(validators.items())]
