"""Products that make whoever guesses wait, instead of refusing him: whether the wait is one, and not a slow product.

NIST SP 800-63B 5.2.2 lets a failed attempt be followed by a wait that grows, from 30 seconds to an hour in its example.
A wait counts from the lower of these: whoever gets one guess in 30 seconds has fewer than 3,000 a day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from conformance.sdk import Answer, Broken

#: Seconds that a guess must take, from one of the first ten on.
WAIT_S = 30.0
#: Seconds that a login may take at most while nobody guesses: a product that is slower makes nobody wait, it is slow.
CALM_S = 3.0
#: Seconds from which answers that come later and later may become a wait in the end.
LATE_S = 1.0


@dataclass(frozen=True, slots=True)
class Delays:
    """Seconds that logins took: with the right password before anybody guessed, and with wrong ones, in their order."""

    calm_s: float
    guesses_s: tuple[float, ...]

    @classmethod
    def of(cls, calm_s: float, guesses: Sequence[Answer]) -> Delays:
        """Read the times of some guesses."""
        return cls(calm_s, tuple(map(seconds, guesses)))

    @property
    def calm(self) -> bool:
        """Tell whether the product answered quickly before it could know that somebody guesses."""
        return len(self.guesses_s) > 1 and max(self.calm_s, self.guesses_s[0]) <= CALM_S

    @property
    def held(self) -> bool:
        """Tell whether the last guess had to wait."""
        return self.calm and self.guesses_s[-1] >= WAIT_S

    @property
    def growing(self) -> bool:
        """Tell whether answers were still coming later and later at the end."""
        if not self.calm or len(self.guesses_s) < 3:
            return False
        first, second, third = self.guesses_s[-3:]
        return third >= LATE_S and first < second < third and third >= 4 * max(self.calm_s, self.guesses_s[0])

    def shown(self) -> str:
        """Return the times for a message."""
        return f"{self.calm_s:.1f} s before; then {', '.join(f'{one:.1f}' for one in self.guesses_s)} s"


def seconds(answer: Answer) -> float:
    """Return the seconds that an answer took, or that were waited for one in vain."""
    return answer.exchange.elapsed_us / 1e6


def unanswered(answer: Answer) -> bool:
    """Tell whether no answer came in the time that was waited for it."""
    return isinstance(answer, Broken) and answer.kind == "timeout"


def served_at_once(answers: Sequence[Answer]) -> tuple[int, int]:
    """Return how many of the guesses made at once were answered, and how many may be in the time that it took."""
    took = [seconds(answer) for answer in answers if not isinstance(answer, Broken)]
    return len(took), 1 + int(max(took, default=0.0) / WAIT_S)
