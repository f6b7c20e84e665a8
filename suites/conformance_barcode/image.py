"""Grading the picture of a code: text, modes, error correction, quiet zone, polarity, and what it survives.

zxing-cpp reads in this process; ``zbarimg``, where it is installed, reads in a process of its own. A decoder that
forgives (an inverted code, a missing margin) hides defects that other phones stumble over, so polarity and quiet
zone are measured on the pixels.
"""

from __future__ import annotations

import io
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageDraw, ImageFilter, UnidentifiedImageError

from conformance_barcode.qr_cells import CellError, Segment, segments

#: Levels of error correction, weakest first.
LEVELS = ("L", "M", "Q", "H")
#: Margin that the symbology asks for, in modules.
QUIET_ZONE_MIN = 4
#: A picture beyond this many pixels is refused before it is unpacked.
PIXELS_MAX = 16_000_000


class UnreadableImage(Exception):
    """The bytes are no picture, or no QR code can be found in it."""


@dataclass(frozen=True, slots=True)
class QrReading:
    """One QR symbol in a picture.

    ``segments`` is empty where the cells are too damaged to be read one by one. ``quiet_zone`` is the narrowest
    margin in modules; ``module`` the width of a module in pixels; ``unused_correction`` the part of the error
    correction left, 1.0 for a clean symbol.
    """

    text: str
    version: int
    level: str
    mask: int
    segments: tuple[Segment, ...]
    quiet_zone: float
    module: float
    inverted: bool
    unused_correction: float

    @property
    def modes(self) -> tuple[str, ...]:
        """Return the modes of the segments in order, an ECI with its number."""
        return tuple(f"eci {item.number}" if item.mode == "eci" else item.mode for item in self.segments)


def open_image(png: bytes) -> Image.Image:
    """Return the picture on white, in greys; raises UnreadableImage for anything else than a picture."""
    try:
        picture = Image.open(io.BytesIO(png))
        if picture.width * picture.height > PIXELS_MAX:
            raise UnreadableImage(f"{picture.width} by {picture.height} pixels are too many")
        picture.load()
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise UnreadableImage(f"not a picture: {error}") from error
    coloured = picture.convert("RGBA")
    ground = Image.new("RGBA", coloured.size, "white")
    ground.alpha_composite(coloured)
    return ground.convert("L")


def read(png: bytes) -> QrReading:
    """Return the one QR code of a picture; raises UnreadableImage when there is none or more than one."""
    picture = open_image(png)
    found = _decode(picture)
    if len(found) != 1:
        raise UnreadableImage(f"{len(found)} QR codes found, one expected")
    return _reading(picture, found[0])


def text_of(picture: Image.Image) -> str | None:
    """Return the text of the first QR code in a picture, or None."""
    found = _decode(picture)
    return str(found[0].text) if found else None


def second_opinion(png: bytes) -> str | None:
    """Return what ``zbarimg`` reads, "" when it reads nothing, or None where it is not installed."""
    program = shutil.which("zbarimg")
    if program is None:
        return None
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        file.write(png)
        file.flush()
        command = [program, "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", file.name]
        done = subprocess.run(command, capture_output=True, timeout=20, check=False)
    return done.stdout.decode("utf-8", "replace").removesuffix("\n")


def _decode(picture: Image.Image) -> list[Any]:
    import zxingcpp

    return list(zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)))


def _reading(picture: Image.Image, barcode: Any) -> QrReading:
    extra = barcode.extra
    version, mask, level = int(extra["Version"]), int(extra["DataMask"]), str(extra["ECLevel"])
    size = 17 + 4 * version
    corners = (barcode.position.top_left, barcode.position.bottom_right)
    module = (corners[1].x - corners[0].x) / size
    box = (corners[0].x, corners[0].y, corners[1].x, corners[1].y)
    inverted = _inverted(picture, box, module)
    return QrReading(
        text=str(barcode.text),
        version=version,
        level=level,
        mask=mask,
        segments=_segments(barcode, size, level, mask),
        quiet_zone=_quiet_pixels(picture, box, inverted) / module,
        module=module,
        inverted=inverted,
        unused_correction=float(extra.get("UEC", 0.0)),
    )


def _segments(barcode: Any, size: int, level: str, mask: int) -> tuple[Segment, ...]:
    """Return the segments, or none where damaged cells make no sense: only the grade of the modes depends on them."""
    try:
        return segments(_cells(barcode, size), level, mask)
    except CellError:
        return ()


def _cells(barcode: Any, size: int) -> list[list[bool]]:
    picture = Image.fromarray(barcode.to_image(scale=1, add_quiet_zones=False)).convert("L")
    if picture.size != (size, size):
        raise CellError(f"{picture.size} cells, {size} expected")
    data = picture.tobytes()
    return [[data[row * size + column] < 128 for column in range(size)] for row in range(size)]


def _inverted(picture: Image.Image, box: tuple[int, int, int, int], module: float) -> bool:
    """Compare the heart of the first finder pattern, which is dark, with the light ring around it."""
    heart = _grey(picture, box[0] + 3.5 * module, box[1] + 3.5 * module)
    ring = _grey(picture, box[0] + 1.5 * module, box[1] + 3.5 * module)
    return heart > ring


def _grey(picture: Image.Image, across: float, down: float) -> int:
    value = picture.getpixel((int(across), int(down)))
    return value if isinstance(value, int) else 0


def _quiet_pixels(picture: Image.Image, box: tuple[int, int, int, int], inverted: bool) -> int:
    """Return how many rings of pixels around the symbol are as light as its light modules."""
    for ring in range(1, max(picture.size)):
        left, top, right, bottom = box[0] - ring, box[1] - ring, box[2] + ring, box[3] + ring
        if left < 0 or top < 0 or right > picture.width or bottom > picture.height:
            return ring - 1
        strips = (
            (left, top, right, top + 1), (left, bottom - 1, right, bottom),
            (left, top, left + 1, bottom), (right - 1, top, right, bottom),
        )  # fmt: skip
        if not all(_light(picture.crop(strip), inverted) for strip in strips):
            return ring - 1
    return max(picture.size)


def _light(strip: Image.Image, inverted: bool) -> bool:
    low, high = strip.getextrema()
    return bool(high < 128) if inverted else bool(low >= 128)  # type: ignore[operator]


def hardships(png: bytes, *, seed: int = 1) -> Iterator[tuple[str, Image.Image]]:
    """Yield what cameras make of a picture: blur, turns, hard compression, noise, a patch of damage."""
    picture = open_image(png)
    yield "blurred", picture.filter(ImageFilter.GaussianBlur(1.2))
    for degrees in (7, 45, 90):
        yield (
            f"turned by {degrees} degrees",
            picture.rotate(degrees, expand=True, fillcolor=255, resample=Image.Resampling.BICUBIC),
        )
    yield "compressed to JPEG quality 5", _jpeg(picture, 5)
    yield "with noise", _noisy(picture, seed)
    yield "with 5 % of its area covered", damaged(picture, 0.05)


def damaged(picture: Image.Image, part: float) -> Image.Image:
    """Return the picture with a grey patch in the middle of the lower right quarter, ``part`` of its area."""
    covered = picture.copy()
    side = int((picture.width * picture.height * part) ** 0.5)
    left, top = int(picture.width * 0.62) - side // 2, int(picture.height * 0.62) - side // 2
    ImageDraw.Draw(covered).rectangle((left, top, left + side, top + side), fill=127)
    return covered


def _jpeg(picture: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(io.BytesIO(buffer.getvalue())).convert("L")


def _noisy(picture: Image.Image, seed: int) -> Image.Image:
    chance = random.Random(seed)  # noqa: S311 - the same noise every time, no secret
    data = bytes(min(255, max(0, value + chance.randint(-60, 60))) for value in picture.tobytes())
    return Image.frombytes("L", picture.size, data)
