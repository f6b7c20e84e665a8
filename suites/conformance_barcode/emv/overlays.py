"""National schemes on top of EMVCo: which departures they allow and what they ask for beyond it.

An overlay is chosen by the globally unique identifier in a template, never by country or currency. One strict
validator would refuse codes that millions of phones read, so each departure is allowed where its scheme is present.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sub:
    """A rule for one sub-object of a scheme's template: a pattern for its whole value.

    ``advised`` is a narrower pattern; a value outside it is a warning, because codes in the field break it.
    """

    pattern: str
    required: bool = False
    advised: str = ""


@dataclass(frozen=True, slots=True)
class Overlay:
    """One scheme.

    ``guids``: identifiers in lower case. ``absent``: mandatory objects that may be missing. ``first``: allowed
    values of object 00. ``opaque``: templates that are not read as such. ``foreign_text``: objects that may leave
    the common character set. ``currency``: the only numeric code. ``subs``: rules per template identifier.
    ``one_of``: at least one of these sub-objects must be there.
    """

    name: str
    guids: frozenset[str]
    absent: frozenset[str] = frozenset()
    first: frozenset[str] = frozenset({"01"})
    opaque: frozenset[str] = frozenset()
    foreign_text: frozenset[str] = frozenset()
    currency: str | None = None
    subs: Mapping[str, Sub] = field(default_factory=dict)
    one_of: tuple[str, ...] = ()
    reference: str | None = None


_NO_MERCHANT = frozenset({"52", "59", "60"})

OVERLAYS: tuple[Overlay, ...] = (
    Overlay(
        "PIX",
        frozenset({"br.gov.bcb.pix"}),
        foreign_text=frozenset({"59", "60"}),
        currency="986",
        subs={"01": Sub(r".{1,77}"), "25": Sub(r"[^\s]{1,77}", advised=r"(?!https?:).+")},
        one_of=("01", "25"),
        reference=r"[A-Za-z0-9]{1,25}|\*\*\*",
    ),
    Overlay("PIX-legacy", frozenset({"br.gov.bcb.spi"}), currency="986"),
    Overlay(
        "PromptPay",
        frozenset({"a000000677010111"}),
        absent=_NO_MERCHANT,
        currency="764",
        subs={"01": Sub(r"\d{13}"), "02": Sub(r"\d{13}"), "03": Sub(r"\d{15}")},
        one_of=("01", "02", "03", "04"),
    ),
    Overlay(
        "PromptPay-bill",
        frozenset({"a000000677010112"}),
        absent=_NO_MERCHANT,
        currency="764",
        subs={"01": Sub(r"\d{13,15}", required=True)},
    ),
    Overlay(
        "PayNow",
        frozenset({"sg.paynow"}),
        currency="702",
        subs={"01": Sub(r"[0-9]", required=True), "02": Sub(r".+", required=True), "03": Sub("[01]")},
    ),
    Overlay("SGQR", frozenset({"sg.sgqr"}), currency="702"),
    Overlay("QRIS", frozenset({"id.co.qris.www"}), currency="360"),
    Overlay(
        "VietQR",
        frozenset({"a000000727"}),
        absent=_NO_MERCHANT,
        opaque=frozenset({"80"}),
        currency="704",
        subs={"01": Sub(r"0006\d{6}01\d{2}.{1,30}", required=True), "02": Sub(r"QRIBFTT[AC]")},
    ),
    Overlay("VNPAY-QR", frozenset({"a000000775"}), absent=frozenset({"52", "60"}), currency="704"),
    Overlay(
        "DuitNow",
        frozenset({"a0000006150001"}),
        first=frozenset({"01", "02"}),
        opaque=frozenset({"82"}),
        currency="458",
    ),
    Overlay("HKQR-FPS", frozenset({"hk.com.hkicl"}), one_of=("02", "03", "04")),
    Overlay("JPQR", frozenset({"jp.or.paymentsjapan"}), currency="392"),
    Overlay("BharatQR", frozenset({"a000000524"}), currency="356"),
    Overlay("PI-SPI (BCEAO)", frozenset({"int.bceao.pi"}), currency="952"),
)

#: Overlays by identifier.
BY_GUID = {guid: overlay for overlay in OVERLAYS for guid in overlay.guids}
#: Overlays by name.
BY_NAME = {overlay.name: overlay for overlay in OVERLAYS}


@dataclass(frozen=True, slots=True)
class Latitude:
    """What the schemes present in one code allow together."""

    absent: frozenset[str] = frozenset()
    first: frozenset[str] = frozenset({"01"})
    opaque: frozenset[str] = frozenset()
    foreign_text: frozenset[str] = frozenset()


def latitude(overlays: tuple[Overlay, ...]) -> Latitude:
    """Return the union of the departures that ``overlays`` allow."""
    return Latitude(
        absent=frozenset().union(*(item.absent for item in overlays)),
        first=frozenset({"01"}).union(*(item.first for item in overlays)),
        opaque=frozenset().union(*(item.opaque for item in overlays)),
        foreign_text=frozenset().union(*(item.foreign_text for item in overlays)),
    )
