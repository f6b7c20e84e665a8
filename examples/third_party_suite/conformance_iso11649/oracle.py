"""ISO 11649 check digits: the oracle of this suite."""

from __future__ import annotations


def check_digits(body: str) -> str:
    """Return the two check digits of a reference body (letters A-Z and digits)."""
    return f"{98 - _number(body + 'RF00') % 97:02d}"


def make(body: str) -> str:
    """Return the whole reference, for example ``RF18539007547034``."""
    return f"RF{check_digits(body)}{body}"


def _number(text: str) -> int:
    return int("".join(str(int(character, 36)) for character in text))
