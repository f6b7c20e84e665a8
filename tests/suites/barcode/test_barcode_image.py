"""Grading pictures: modes by cell, margin and polarity by pixel, and what a picture survives."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any

import pytest
import segno
from PIL import Image

from conformance_barcode import image
from conformance_barcode.qr_cells import segments

PAYLOAD = "00020101021126280015COM.EXAMPLE.PAY0105ABCDE5204541153031565802CN5911CORNER SHOP6007BEIJING6304ABCD"


def _png(text: str = PAYLOAD, *, error: str = "m", **look: Any) -> bytes:
    made = {"mode": "byte", "encoding": "utf-8", "eci": not text.isascii()} if look.pop("sound", True) else {}
    code = segno.make_qr(text, error=error, boost_error=False, **made)
    buffer = io.BytesIO()
    code.save(buffer, kind="png", **({"scale": 6, "border": 4} | look))
    return buffer.getvalue()


def test_a_sound_picture_is_graded_in_full() -> None:
    found = image.read(_png())
    assert found.text == PAYLOAD
    assert (found.level, found.modes, found.inverted) == ("M", ("byte",), False)
    assert (found.quiet_zone, found.module, found.unused_correction) == (4.0, 6.0, 1.0)


def test_chinese_text_carries_its_eci() -> None:
    found = image.read(_png("最佳运输" * 8))
    assert found.text == "最佳运输" * 8
    assert found.modes == ("eci 26", "byte")


@pytest.mark.parametrize(
    ("text", "modes"), [("12345678901234567890", ("numeric",)), ("CORNER SHOP 1", ("alphanumeric",))]
)
def test_other_modes_are_told_apart(text: str, modes: tuple[str, ...]) -> None:
    assert image.read(_png(text, sound=False)).modes == modes


@pytest.mark.parametrize("level", ["l", "m", "q", "h"])
@pytest.mark.parametrize("version", [2, 6, 7, 10, 15, 27, 32, 40])
def test_modes_are_read_from_every_size_and_level(version: int, level: str) -> None:
    code = segno.make_qr("AB12xy", version=version, error=level, mode="byte", encoding="utf-8", boost_error=False)
    cells = [[bool(cell) for cell in row] for row in code.matrix]
    assert [item.mode for item in segments(cells, level.upper(), code.mask)] == ["byte"]


@pytest.mark.parametrize(("border", "quiet"), [(0, 0.0), (2, 2.0), (10, 10.0)])
def test_the_quiet_zone_is_measured_in_modules(border: int, quiet: float) -> None:
    assert image.read(_png(border=border)).quiet_zone == quiet


def test_an_inverted_picture_is_read_and_named() -> None:
    assert image.read(_png(dark="white", light="black")).inverted


def test_transparent_ground_counts_as_white() -> None:
    assert not image.read(_png(light=None)).inverted


def test_a_sound_picture_survives_every_hardship() -> None:
    worse = dict(image.hardships(_png()))
    assert set(worse) >= {"blurred", "turned by 45 degrees", "with noise", "with 5 % of its area covered"}
    assert {name: image.text_of(picture) for name, picture in worse.items()} == dict.fromkeys(worse, PAYLOAD)


def test_one_pixel_modules_do_not() -> None:
    assert any(image.text_of(picture) != PAYLOAD for _, picture in image.hardships(_png(scale=1)))


def test_damage_uses_correction_up() -> None:
    buffer = io.BytesIO()
    image.damaged(image.open_image(_png(error="h")), 0.03).save(buffer, "PNG")
    assert image.read(buffer.getvalue()).unused_correction < 1.0


@pytest.mark.parametrize("junk", [b"", b"not a picture", _png()[:200]])
def test_what_is_no_picture_is_named_so(junk: bytes) -> None:
    with pytest.raises(image.UnreadableImage, match="picture"):
        image.read(junk)


def test_a_picture_without_a_code_is_named_so() -> None:
    buffer = io.BytesIO()
    Image.new("L", (200, 200), 255).save(buffer, "PNG")
    with pytest.raises(image.UnreadableImage, match="0 QR codes"):
        image.read(buffer.getvalue())


def test_a_giant_picture_is_refused_before_it_is_unpacked() -> None:
    buffer = io.BytesIO()
    Image.new("1", (5000, 5000)).save(buffer, "PNG")
    with pytest.raises(image.UnreadableImage, match="too many"):
        image.read(buffer.getvalue())


def _second_reader(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "zbarimg"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_a_second_reader_is_asked_where_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _second_reader(tmp_path, "printf '最佳运输\\n'", monkeypatch)
    assert image.second_opinion(_png()) == "最佳运输"


def test_a_second_reader_that_finds_nothing_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _second_reader(tmp_path, "exit 4", monkeypatch)
    assert image.second_opinion(_png()) == ""


def test_without_a_second_reader_there_is_no_opinion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert image.second_opinion(_png()) is None


@pytest.mark.skipif(shutil.which("zbarimg") is None, reason="NOT TESTED: zbarimg is not installed here")
@pytest.mark.parametrize("text", [PAYLOAD, "最佳运输 𠮷野家"])
def test_both_readers_agree_on_sound_pictures(text: str) -> None:
    assert image.second_opinion(_png(text)) == text == image.read(_png(text)).text
