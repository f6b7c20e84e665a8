"""Made-up numbers that look and check like real ones, to be planted in a product and looked for afterwards.

All follow from a seed, so that every process of a run knows them. Card numbers lie in a range that no issuer uses for
customers; identification numbers name a region and a birth date, but no person.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from conformance_security.scanners import identity_number, luhn

#: A test range of the scheme that most Chinese products know.
_RANGE = "62284800"
_REGION = "110101"


@dataclass(frozen=True, slots=True)
class Person:
    """What a customer gives when a card is bound. Nobody has these."""

    pan: str
    identity: str
    phone: str
    cvv: str
    pin: str
    holder: str

    @classmethod
    def of(cls, seed: str) -> Person:
        """Make one up."""
        digits = str(int(hashlib.sha256(f"conformance/person/{seed}".encode()).hexdigest(), 16))
        return cls(
            pan=_card(_RANGE + digits[:10]),
            identity=_identity(
                f"{_REGION}19{60 + int(digits[10:12]) % 40}{1 + int(digits[12]) % 9:02d}1{digits[13:17]}"
            ),
            phone=f"19{digits[17:26]}",
            cvv=f"{7 + int(digits[26]) % 3}{digits[27:29]}",
            pin=f"{7 + int(digits[29]) % 3}{digits[30:35]}",
            holder="Test Holder",
        )

    def values(self) -> dict[str, str]:
        """Return the values by kind of data."""
        return {"card": self.pan, "identity": self.identity, "phone": self.phone, "cvv": self.cvv, "pin": self.pin}


def _card(digits: str) -> str:
    return next(digits + str(last) for last in range(10) if luhn(digits + str(last)))


def _identity(digits: str) -> str:
    return next(digits + last for last in "0123456789X" if identity_number(digits + last))
