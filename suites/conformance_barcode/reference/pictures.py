"""Drawing codes: byte mode, level M, four modules of margin, dark on light."""

from __future__ import annotations

import io

import segno
from PIL import Image, ImageDraw

from conformance.sdk import FaultBoard


def png_of(payload: str, faults: FaultBoard) -> bytes:
    """Return the picture of a payload as PNG."""
    text = payload[:-1] + ("0" if payload[-1] != "0" else "1") if faults.on("pictures.wrong-text") else payload
    level = "l" if faults.on("pictures.level-low") else "m"
    if faults.on("pictures.shortest-mode"):
        code = segno.make_qr(text, error=level, boost_error=False)
    else:
        foreign = not text.isascii()
        code = segno.make_qr(text, error=level, mode="byte", encoding="utf-8", eci=foreign, boost_error=False)
    swapped = faults.on("pictures.inverted")
    buffer = io.BytesIO()
    code.save(
        buffer, kind="png", scale=1 if faults.on("pictures.tiny-modules") else 6,
        border=0 if faults.on("pictures.no-margin") else 4,
        dark="white" if swapped else "black", light="black" if swapped else "white",
    )  # fmt: skip
    return _with_logo(buffer.getvalue()) if faults.on("pictures.logo-large") else buffer.getvalue()


def _with_logo(png: bytes) -> bytes:
    picture = Image.open(io.BytesIO(png)).convert("L")
    side = int(picture.width * 0.24)
    corner = (picture.width - side) // 2
    ImageDraw.Draw(picture).rectangle((corner, corner, corner + side, corner + side), fill=255)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
