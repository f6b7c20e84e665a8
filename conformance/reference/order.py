"""What is passed between the bank, its cradle and its minder: orders, and ports that outlive a process."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

LOOPBACK = "127.0.0.1"
#: The name of the port at which the bank does what the test environment asks of it.
CONTROL = "control"
#: The seed of everything secret, as 64 hexadecimal digits.
SEED_VARIABLE = "CONFORMANCE_DEMO_SEED"


@dataclass(frozen=True, slots=True)
class Order:
    """What a life of the bank begins with.

    ``seed`` is hexadecimal. ``control`` is the URL of the control port, for the candidate file. ``ports`` are those of
    an earlier life by name, empty for the first. ``callback_port`` 0: any free one.
    """

    directory: Path
    faults: tuple[str, ...]
    seed: str
    control: str
    ports: Mapping[str, int] = field(default_factory=dict)
    callback_port: int = 0

    def as_json(self) -> str:
        """Return the order as one line."""
        return json.dumps(asdict(self) | {"directory": str(self.directory)})

    @classmethod
    def of(cls, line: str) -> Order:
        """Return the order of a line."""
        value = json.loads(line)
        return cls(**{**value, "directory": Path(value["directory"]), "faults": tuple(value["faults"])})


def reusable(port: int) -> socket.socket:
    """Return a socket bound to a loopback port (0: a free one) that other processes of this user may bind too.

    So the minder can keep a port's number for a dead bank without listening: whoever connects is refused, as by any
    machine whose server has crashed.
    """
    # Named as TCP, or asyncio would leave small answers waiting for acknowledgements (Nagle's algorithm).
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind((LOOPBACK, port))
    return made
