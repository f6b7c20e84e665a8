"""A timer that is a file: it wakes an epoll to the microsecond, where epoll's own timeout rounds to a millisecond.

Python knows timerfd from 3.13 on; before that libc is asked. Where neither has it, timeouts stay at a millisecond.
"""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable
from typing import Any

#: Reads the clock of all times of a run, in nanoseconds. On Linux it is CLOCK_MONOTONIC, which timerfd knows too.
now_ns = time.perf_counter_ns

_NONBLOCK_CLOEXEC = os.O_NONBLOCK | os.O_CLOEXEC
_ABSOLUTE = 1


class _Spec(ctypes.Structure):
    _fields_ = [(name, ctypes.c_long) for name in ("every_s", "every_ns", "at_s", "at_ns")]


class TimerFile:
    """One timer. ``file`` becomes readable when it expires; it stays so until it is set again."""

    def __init__(self, file: int, arm: Callable[[int, int], None]) -> None:
        self.file = file
        self._arm = arm

    def set(self, at_ns: int) -> None:
        """Expire at ``at_ns`` of :data:`now_ns`; 0 switches the timer off."""
        self._arm(self.file, at_ns)

    def close(self) -> None:
        """Give the file back."""
        os.close(self.file)


def timer_file() -> TimerFile | None:
    """Return a timer, or None where the system has none."""
    if time.get_clock_info("perf_counter").implementation != "clock_gettime(CLOCK_MONOTONIC)":
        return None
    if hasattr(os, "timerfd_create"):
        return _native()
    return _of_libc()


def _native() -> TimerFile:
    system: Any = os
    file = system.timerfd_create(time.CLOCK_MONOTONIC, flags=_NONBLOCK_CLOEXEC)
    return TimerFile(file, lambda file, at_ns: system.timerfd_settime_ns(file, flags=_ABSOLUTE, initial=at_ns))


def _of_libc() -> TimerFile | None:
    try:
        libc = ctypes.PyDLL(None)
        create, settime = libc.timerfd_create, libc.timerfd_settime
    except (OSError, AttributeError):
        return None
    file = create(time.CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC)
    if file < 0:
        return None
    spec = _Spec()
    pointer = ctypes.byref(spec)

    def arm(file: int, at_ns: int) -> None:
        spec.at_s, spec.at_ns = divmod(at_ns, 1_000_000_000)
        if settime(file, _ABSOLUTE, pointer, None) != 0:
            raise OSError("timerfd_settime failed")

    return TimerFile(file, arm)
