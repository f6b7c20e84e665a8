"""How a check ends other than by passing."""

from __future__ import annotations


class Finding(AssertionError):
    """A violated requirement, with what was expected and what was seen."""

    def __init__(self, message: str, *, expected: str | None = None, actual: str | None = None) -> None:
        super().__init__(message)
        #: One sentence an engineer can act on.
        self.message = message
        self.expected = expected
        self.actual = actual


class Undecided(Exception):
    """The root of the outcomes that are neither pass nor failure."""

    def __init__(self, reason: str, *, blame: str | None = None) -> None:
        super().__init__(reason)
        #: Why, with a remedy where there is one.
        self.reason = reason
        #: ``CONFIG``, ``HARNESS`` or ``PRODUCT``, or None where nobody is to blame.
        self.blame = blame


class Inconclusive(Undecided):
    """The check ran but cannot tell: its positive control failed, the candidate throttled, time ran out."""


class NotTested(Undecided):
    """The check could not be run here: a hook, an operation or an account is missing."""


class NotApplicable(Undecided):
    """The requirement does not concern this product."""


class NotOffered(NotApplicable):
    """The product, or its candidate file, lacks what the requirement is about.

    Not applicable only where the profile allows that; otherwise it ends as *not tested*: leaving something out is no
    way around a requirement.
    """
