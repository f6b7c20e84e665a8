"""Currencies of the barcode part, by letters: numeric code and minor digits."""

from __future__ import annotations

CURRENCIES: dict[str, tuple[str, int]] = {
    "AED": ("784", 2), "AUD": ("036", 2), "BDT": ("050", 2), "BND": ("096", 2), "BRL": ("986", 2), "CAD": ("124", 2),
    "CHF": ("756", 2), "CNY": ("156", 2), "EUR": ("978", 2), "GBP": ("826", 2), "HKD": ("344", 2), "IDR": ("360", 2),
    "INR": ("356", 2), "JPY": ("392", 0), "KHR": ("116", 2), "KRW": ("410", 0), "LAK": ("418", 2), "LKR": ("144", 2),
    "MMK": ("104", 2), "MNT": ("496", 2), "MOP": ("446", 2), "MYR": ("458", 2), "NPR": ("524", 2), "NZD": ("554", 2),
    "PHP": ("608", 2), "PKR": ("586", 2), "SAR": ("682", 2), "SGD": ("702", 2), "THB": ("764", 2), "TWD": ("901", 2),
    "USD": ("840", 2), "VND": ("704", 0), "XAF": ("950", 0), "XOF": ("952", 0), "ZAR": ("710", 2),
}  # fmt: skip
BY_NUMBER = {number: (letters, digits) for letters, (number, digits) in CURRENCIES.items()}


def written(amount: int, digits: int) -> str:
    """Return minor units as decimal text: 2372 with two digits is "23.72"."""
    if digits == 0:
        return f"{amount}"
    padded = f"{amount:0{digits + 1}d}"
    return f"{padded[:-digits]}.{padded[-digits:]}"


def counted(decimal: str, digits: int) -> int | None:
    """Return decimal text as minor units, or None when it is finer than the currency."""
    whole, _, rest = decimal.partition(".")
    if rest[digits:].strip("0"):
        return None
    return int(whole + rest[:digits].ljust(digits, "0"))
