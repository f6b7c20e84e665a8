"""Conversions between canonical values and a product's own: money, times, words.

Canonical: money is an integer of minor units; an instant is RFC 3339 in UTC with "Z". Each conversion goes both ways,
and going there and back gives the same value.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Context as DecimalContext
from decimal import Decimal, Inexact, InvalidOperation
from types import MappingProxyType
from typing import Any

#: Decimal places of currencies that do not have two (ISO 4217).
EXPONENTS: Mapping[str, int] = MappingProxyType(
    dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0)  # noqa: SIM905
    | dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3)  # noqa: SIM905
    | {"CLF": 4, "UYW": 4}
)


class Unconvertible(ValueError):
    """A value that is not what its conversion expects; ``mend`` says what to write in the mapping, where that helps."""

    def __init__(self, summary: str, mend: str = "") -> None:
        super().__init__(summary)
        self.mend = mend


@dataclass(frozen=True, slots=True)
class Context:
    """What a conversion may need besides the value: decimal places of the money, a time's format and its zone.

    ``zone`` is that of times without an offset; None where the mapping names none.
    """

    exponent: int = 2
    format: str = "%Y-%m-%dT%H:%M:%SZ"
    zone: dt.tzinfo | None = None


@dataclass(frozen=True, slots=True)
class Conversion:
    """``encode``: canonical to theirs; ``decode``: theirs to canonical. Both may raise Unconvertible."""

    encode: Callable[[Any, Context], Any]
    decode: Callable[[Any, Context], Any]


def exponent_of(currency: str) -> int:
    """Return the decimal places of an ISO 4217 currency."""
    return EXPONENTS.get(currency.upper(), 2)


_OFFSET = re.compile(r"([+-])([01]\d|2[0-3]):([0-5]\d)")


def zone_of(text: str) -> dt.tzinfo | None:
    """Return the zone that ``UTC`` or an offset such as ``+08:00`` names, None where the text is neither.

    A place's name (``Asia/Shanghai``) is none: where clocks are put back, an hour happens twice.
    """
    if text == "UTC":
        return dt.UTC
    found = _OFFSET.fullmatch(text)
    if not found:
        return None
    away = dt.timedelta(hours=int(found[2]), minutes=int(found[3]))
    return dt.timezone(-away if found[1] == "-" else away)


def convert_out(name: str, value: Any, context: Context) -> Any:
    """Return a canonical value in their form."""
    return _guarded(CONVERSIONS[name].encode, name, value, context)


def convert_in(name: str, value: Any, context: Context) -> Any:
    """Return their value in canonical form."""
    return _guarded(CONVERSIONS[name].decode, name, value, context)


def _guarded(function: Callable[[Any, Context], Any], name: str, value: Any, context: Context) -> Any:
    try:
        return function(value, context)
    except (ValueError, TypeError, ArithmeticError, InvalidOperation, binascii.Error) as error:
        mend = error.mend if isinstance(error, Unconvertible) else ""
        raise Unconvertible(f"{value!r} is not {DESCRIPTIONS[name]}" + (f": {mend}" if mend else ""), mend) from error


# -- money ----------------------------------------------------------------------------------------------------------


#: Exact or not at all: a rounded amount would be a finding of our own making.
_EXACT = DecimalContext(prec=100, traps=[Inexact, InvalidOperation])

#: An amount with more digits than this is none; int() of "1e999999999" would never end.
_DIGITS_MAX = 60


def _units(value: Any) -> int:
    if isinstance(value, bool):
        raise Unconvertible("a boolean is not money")
    number = _decimal(value)
    if number != number.to_integral_value(context=_EXACT):
        raise Unconvertible("minor units are whole")
    return int(number)


def _decimal(value: Any) -> Decimal:
    number = Decimal(str(value).strip())
    if not number.is_finite() or number.adjusted() > _DIGITS_MAX or len(number.as_tuple().digits) > _DIGITS_MAX:
        raise Unconvertible("not an amount")
    return number


def _to_decimal(value: Any, context: Context) -> Decimal:
    return Decimal(_units(value)).scaleb(-context.exponent, _EXACT)


def _decimal_text(value: Any, context: Context) -> str:
    return f"{_to_decimal(value, context):.{context.exponent}f}"


def _decimal_number(value: Any, context: Context) -> Decimal:
    return Decimal(_decimal_text(value, context))


def _from_decimal(value: Any, context: Context) -> int:
    if isinstance(value, bool):
        raise Unconvertible("a boolean is not money")
    return _units(_decimal(value).scaleb(context.exponent, _EXACT))


# -- time -----------------------------------------------------------------------------------------------------------

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def _instant(value: Any) -> dt.datetime:
    parsed = dt.datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    return parsed.astimezone(dt.UTC) if parsed.tzinfo else parsed.replace(tzinfo=dt.UTC)


def _canonical(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def _epoch(ticks: int) -> Conversion:
    """``ticks`` per second: 1, 1000 or 1000000."""

    def encode(value: Any, _: Context) -> int:
        return (_instant(value) - _EPOCH) // dt.timedelta(microseconds=1_000_000 // ticks)

    def decode(value: Any, _: Context) -> str:
        return _canonical(_EPOCH + dt.timedelta(microseconds=int(Decimal(str(value)) * (1_000_000 // ticks))))

    return Conversion(encode, decode)


def _rfc3339_out(value: Any, context: Context) -> str:
    moment = _instant(value)
    return moment.astimezone(context.zone).isoformat() if context.zone not in (None, dt.UTC) else _canonical(moment)


def _rfc3339_in(value: Any, context: Context) -> str:
    parsed = dt.datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    if parsed.tzinfo is None:
        if context.zone is None:
            # Read as UTC without a word, every time of a product in another zone would be wrong by hours.
            raise Unconvertible(
                "no offset", 'it has no offset from UTC; say which with zone = "UTC", or such as zone = "+08:00"'
            )
        parsed = parsed.replace(tzinfo=context.zone)
    return _canonical(parsed)


def _format_time(value: Any, context: Context) -> str:
    return _instant(value).astimezone(context.zone or dt.UTC).strftime(context.format)


def _parse_time(value: Any, context: Context) -> str:
    parsed = dt.datetime.strptime(str(value), context.format)  # noqa: DTZ007  # a zone, where given, is kept below
    return _canonical(parsed if parsed.tzinfo else parsed.replace(tzinfo=context.zone or dt.UTC))


# -- words and shapes -----------------------------------------------------------------------------------------------


def _truth(value: Any, _: Context) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in ("true", "1", "yes", "y", "on"):
        return True
    if word in ("false", "0", "no", "n", "off"):
        return False
    raise Unconvertible("neither true nor false")


def _same(value: Any, _: Context) -> Any:
    return value


def _text(value: Any, _: Context) -> str:
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)


def _whole(value: Any, _: Context) -> int:
    return _units(value)


def _b64(value: Any, _: Context) -> str:
    return base64.b64encode(str(value).encode()).decode()


def _unb64(value: Any, _: Context) -> str:
    return base64.b64decode(str(value), validate=True).decode()


def _hex(value: Any, _: Context) -> str:
    return str(value).encode().hex()


def _unhex(value: Any, _: Context) -> str:
    return bytes.fromhex(str(value)).decode()


#: The name space of the UUIDs that are made of our own texts: a text gives the same UUID in every run.
UUID_SPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:fintech-conformance:argument")

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def _uuid_out(value: Any, _: Context) -> str:
    text = str(value)
    return text if _UUID.fullmatch(text) else str(uuid.uuid5(UUID_SPACE, text))


def _uuid_in(value: Any, _: Context) -> str:
    # A UUID made up here of an answer that holds none would name nothing that the product knows.
    if isinstance(value, str) and _UUID.fullmatch(value):
        return value
    raise Unconvertible("not a UUID")


def _first(value: Any, _: Context) -> Any:
    if not isinstance(value, list) or not value:
        raise Unconvertible("not a list with an item")
    return value[0]


#: Conversions that ``zone`` may stand beside.
ZONED = ("rfc3339", "time")

CONVERSIONS: Mapping[str, Conversion] = MappingProxyType(
    {
        "minor": Conversion(lambda v, c: _units(v), lambda v, c: _units(v)),
        "minor-string": Conversion(lambda v, c: str(_units(v)), lambda v, c: _units(v)),
        "decimal-string": Conversion(_decimal_text, _from_decimal),
        "decimal-number": Conversion(_decimal_number, _from_decimal),
        "negative-minor": Conversion(lambda v, c: -_units(v), lambda v, c: -_units(v)),
        "epoch-s": _epoch(1),
        "epoch-ms": _epoch(1000),
        "epoch-us": _epoch(1_000_000),
        "rfc3339": Conversion(_rfc3339_out, _rfc3339_in),
        "time": Conversion(_format_time, _parse_time),
        "text": Conversion(_text, _text),
        "integer": Conversion(_whole, _whole),
        "integer-string": Conversion(lambda v, c: str(_units(v)), _whole),
        "boolean": Conversion(_truth, _truth),
        "boolean-string": Conversion(lambda v, c: str(_truth(v, c)).lower(), _truth),
        "list": Conversion(lambda v, c: [v], _first),
        "lower": Conversion(lambda v, c: str(v).lower(), lambda v, c: str(v).upper()),
        "upper": Conversion(lambda v, c: str(v).upper(), lambda v, c: str(v).lower()),
        "base64": Conversion(_b64, _unb64),
        "hex": Conversion(_hex, _unhex),
        "uuid": Conversion(_uuid_out, _uuid_in),
        "state": Conversion(_same, _same),
    }
)

#: What each conversion expects, completing "… is not".
DESCRIPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "minor": "a whole number of minor units",
        "minor-string": "a whole number of minor units as text",
        "decimal-string": "a decimal amount as text",
        "decimal-number": "a decimal amount",
        "negative-minor": "a whole number of minor units with the sign turned",
        "epoch-s": "seconds since 1970",
        "epoch-ms": "milliseconds since 1970",
        "epoch-us": "microseconds since 1970",
        "rfc3339": "an RFC 3339 time",
        "time": "a time in the given format",
        "text": "text",
        "integer": "a whole number",
        "integer-string": "a whole number as text",
        "boolean": "true or false",
        "boolean-string": "true or false as text",
        "list": "a list with one item",
        "lower": "text in lower case",
        "upper": "text in upper case",
        "base64": "base64 text",
        "hex": "hexadecimal text",
        "uuid": "a UUID",
        "state": "a state word",
    }
)
