"""Classes of data (JR/T 0171: C3, C2, C1): which kinds belong to each, and how each may be shown.

The profile says it, in the suite's parameter ``data_classes``:

[parameters.security.data_classes.C2]
shown = "masked"                            # never, masked, or owner
kinds = ["card", "identity", "phone"]
masks = { card = "6+4", identity = "6+4", phone = "3+4" }   # at most so many characters at each end

``never``: in no answer, notice or log. ``masked``: in answers only so. ``owner``: in answers to an authenticated
caller only. Nothing of any class belongs into a log, a notice or an address, unless masked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Shown = Literal["never", "masked", "owner"]

#: How kinds are called in sentences; others go by their own name.
NOUNS: Mapping[str, str] = {
    "card": "card number",
    "identity": "citizen identification number",
    "phone": "phone number",
    "cvv": "card verification code",
    "pin": "PIN",
    "password": "password",
    "track": "track data",
}


@dataclass(frozen=True, slots=True)
class Mask:
    """How many characters may be shown at the beginning and at the end."""

    first: int
    last: int

    @classmethod
    def read(cls, text: str) -> Mask:
        """Read "6+4"; raises ValueError for anything else."""
        first, plus, last = text.partition("+")
        if not plus:
            raise ValueError(f"a mask is written as 6+4, not as {text!r}")
        return cls(int(first), int(last))

    def allows(self, first: int, last: int) -> bool:
        """Tell whether so many characters may be shown at each end."""
        return first <= self.first and last <= self.last

    def __str__(self) -> str:
        return f"{self.first}+{self.last}"


@dataclass(frozen=True, slots=True)
class Rule:
    """How one kind of data may be shown. ``mask`` is meant only where ``shown`` is masked."""

    kind: str
    name: str
    shown: Shown
    mask: Mask

    @property
    def noun(self) -> str:
        """What the kind is called in a sentence."""
        return NOUNS.get(self.kind, self.kind)


def rules(classes: Mapping[str, Any]) -> dict[str, Rule]:
    """Return the rule of each kind; raises ValueError for a class that says how to show nothing known."""
    found: dict[str, Rule] = {}
    for name, section in classes.items():
        shown = section["shown"]
        if shown not in ("never", "masked", "owner"):
            raise ValueError(f"data class {name}: shown must be never, masked or owner, not {shown!r}")
        masks = section.get("masks", {})
        for kind in section["kinds"]:
            found[kind] = Rule(kind, name, shown, Mask.read(masks.get(kind, "0+0")))
    return found
