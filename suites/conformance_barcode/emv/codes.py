"""Code lists: countries (ISO 3166-1 alpha-2) and currencies (ISO 4217, numeric, letters and minor digits)."""

from __future__ import annotations

_ALPHA_2 = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ "
    "CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO "
    "FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE "
    "JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO "
    "MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW "
    "PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM "
    "TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW"
)
#: Officially assigned alpha-2 codes, and XK, which payment schemes use.
COUNTRIES = frozenset(_ALPHA_2.split())

_CURRENCIES = (
    "784AED2 971AFN2 008ALL2 051AMD2 532ANG2 973AOA2 032ARS2 036AUD2 533AWG2 944AZN2 977BAM2 052BBD2 050BDT2 975BGN2 "
    "048BHD3 108BIF0 060BMD2 096BND2 068BOB2 984BOV2 986BRL2 044BSD2 064BTN2 072BWP2 933BYN2 084BZD2 124CAD2 976CDF2 "
    "947CHE2 756CHF2 948CHW2 990CLF4 152CLP0 156CNY2 170COP2 970COU2 188CRC2 192CUP2 132CVE2 203CZK2 262DJF0 208DKK2 "
    "214DOP2 012DZD2 818EGP2 232ERN2 230ETB2 978EUR2 242FJD2 238FKP2 826GBP2 981GEL2 936GHS2 292GIP2 270GMD2 324GNF0 "
    "320GTQ2 328GYD2 344HKD2 340HNL2 332HTG2 348HUF2 360IDR2 376ILS2 356INR2 368IQD3 364IRR2 352ISK0 388JMD2 400JOD3 "
    "392JPY0 404KES2 417KGS2 116KHR2 174KMF0 408KPW2 410KRW0 414KWD3 136KYD2 398KZT2 418LAK2 422LBP2 144LKR2 430LRD2 "
    "426LSL2 434LYD3 504MAD2 498MDL2 969MGA2 807MKD2 104MMK2 496MNT2 446MOP2 929MRU2 480MUR2 462MVR2 454MWK2 484MXN2 "
    "979MXV2 458MYR2 943MZN2 516NAD2 566NGN2 558NIO2 578NOK2 524NPR2 554NZD2 512OMR3 590PAB2 604PEN2 598PGK2 608PHP2 "
    "586PKR2 985PLN2 600PYG0 634QAR2 946RON2 941RSD2 643RUB2 646RWF0 682SAR2 090SBD2 690SCR2 938SDG2 752SEK2 702SGD2 "
    "654SHP2 925SLE2 706SOS2 968SRD2 728SSP2 930STN2 222SVC2 760SYP2 748SZL2 764THB2 972TJS2 934TMT2 788TND3 776TOP2 "
    "949TRY2 780TTD2 901TWD2 834TZS2 980UAH2 800UGX0 840USD2 997USN2 940UYI0 858UYU2 860UZS2 926VED2 928VES2 704VND0 "
    "548VUV0 882WST2 950XAF0 951XCD2 952XOF0 953XPF0 886YER2 710ZAR2 967ZMW2 924ZWG2 191HRK2"
)

#: Letters and minor digits by numeric code.
CURRENCIES = {row[:3]: (row[3:6], int(row[6])) for row in _CURRENCIES.split()}
#: Numeric code by letters.
NUMERIC = {letters: number for number, (letters, _) in CURRENCIES.items()}


def minor_digits(currency: str) -> int:
    """Return the minor digits of a currency given by number or by letters; 2 where it is unknown."""
    number = NUMERIC.get(currency, currency)
    return CURRENCIES.get(number, ("", 2))[1]


def decimal_text(minor: int, currency: str) -> str:
    """Return an amount of minor units as a code writes it: 2372 CNY is "23.72", 100 JPY is "100"."""
    digits = minor_digits(currency)
    if not digits:
        return str(minor)
    return f"{minor // 10**digits}.{minor % 10**digits:0{digits}d}"


def minor_units(text: str, currency: str) -> int | None:
    """Return the minor units of a decimal text, or None when it has more digits than the currency."""
    whole, _, fraction = text.partition(".")
    digits = minor_digits(currency)
    if not (whole + fraction).isascii() or not (whole + fraction).isdigit():
        return None
    kept, lost = fraction[:digits], fraction[digits:]
    if lost.strip("0"):
        return None
    return int((whole or "0") + kept.ljust(digits, "0"))
