"""Image: the picture of a code, as every other institution's scanner meets it."""

from __future__ import annotations

from typing import Any

from conformance.sdk import Candidate, Effect, Evidence, Params, check, expect
from conformance_barcode import steps
from conformance_barcode.image import LEVELS, QUIET_ZONE_MIN, hardships, second_opinion, text_of

IMAGE = ("codes.create", "codes.image")


def _code(candidate: Candidate, evidence: Evidence, **changes: Any) -> dict[str, Any]:
    return steps.code(candidate, evidence, "static" if candidate.claims("barcode.static") else "dynamic", **changes)


@check("BAR-13", needs=IMAGE, effects=Effect.WRITE)
def a_picture_says_what_the_code_says(candidate: Candidate, evidence: Evidence) -> None:
    """Two independent readers find the same text in the picture, and it is the payload of the code."""
    made = _code(candidate, evidence)
    found = steps.reading(candidate, evidence, made)
    expect(found.text == made["payload"], "the picture holds another text", expected=made["payload"], actual=found.text)
    other = second_opinion(steps.picture(candidate, made))
    evidence.note("second reader", "not installed" if other is None else "read")
    agrees = other is None or other == made["payload"]
    message = "a second reader finds another text" if other else "a second reader finds nothing"
    expect(agrees, message, expected=made["payload"], actual=other or "nothing")


@check("BAR-14", needs=IMAGE, effects=Effect.WRITE)
def a_picture_is_written_in_byte_mode(candidate: Candidate, evidence: Evidence) -> None:
    """Byte mode only, with ECI 26 before text beyond the common character set (EMVCo MPM 4.12).

    The modes are read from the cells themselves. A name in capitals tempts an encoder into alphanumeric mode.
    """
    made = _code(candidate, evidence, name="CORNER SHOP")
    modes = steps.reading(candidate, evidence, made).modes
    text = str(made["payload"])
    allowed = (("byte",), ("eci 26", "byte")) if text.isascii() else (("eci 26", "byte"),)
    expect(modes in allowed, "the code must be written in byte mode", expected=allowed, actual=modes)


@check("BAR-15", needs=IMAGE, effects=Effect.WRITE)
def a_picture_has_a_quiet_zone(candidate: Candidate, evidence: Evidence) -> None:
    """Four modules of light margin on every side: without them nobody reads the code on a dark ground."""
    found = steps.reading(candidate, evidence, _code(candidate, evidence))
    wide = found.quiet_zone >= QUIET_ZONE_MIN - 0.1
    expect(wide, "the quiet zone is too narrow", expected="at least 4 modules", actual=f"{found.quiet_zone:.1f}")


@check("BAR-16", needs=IMAGE, effects=Effect.WRITE)
def a_picture_corrects_errors(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Error correction of level M at least: a policy of this suite, because level L dies of one thumb print."""
    found = steps.reading(candidate, evidence, _code(candidate, evidence))
    least = str(params["level_min"])
    strong = LEVELS.index(found.level) >= LEVELS.index(least)
    expect(strong, "the error correction is too weak", expected=f"level {least} or better", actual=found.level)


@check("BAR-17", needs=IMAGE, effects=Effect.WRITE)
def a_picture_survives_a_bad_camera(candidate: Candidate, evidence: Evidence) -> None:
    """Blur, three angles, hard compression, noise and a patch over 5 % of the area: the code still reads."""
    made = _code(candidate, evidence)
    png = steps.picture(candidate, made)
    found = {name: text_of(worse) == made["payload"] for name, worse in hardships(png)}
    lost = [name for name, read in found.items() if not read]
    evidence.note("hardships survived", [name for name, read in found.items() if read])
    expect(not lost, f"the picture cannot be read when {', '.join(lost)}", expected="read", actual=", ".join(lost))


@check("BAR-18", needs=IMAGE, effects=Effect.WRITE)
def a_picture_is_dark_on_light(candidate: Candidate, evidence: Evidence) -> None:
    """Dark modules on a light ground: many scanners in shops do not read an inverted code."""
    found = steps.reading(candidate, evidence, _code(candidate, evidence))
    actual = "light on dark" if found.inverted else "dark on light"
    expect(not found.inverted, "the picture is inverted", expected="dark on light", actual=actual)


@check("BAR-19", needs=IMAGE, effects=Effect.WRITE)
def a_picture_leaves_correction_unused(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """A logo eats error correction: what is left must be enough for dirt and scratches."""
    found = steps.reading(candidate, evidence, _code(candidate, evidence))
    least = int(params["unused_correction_percent_min"])
    left = round(found.unused_correction * 100)
    message = "the picture as delivered has used its error correction up"
    expect(left >= least, message, expected=f"at least {least} % unused", actual=f"{left} %")
