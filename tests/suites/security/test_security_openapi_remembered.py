"""Drawn requests are kept between runs, and never trusted beyond what drawing them anew would give."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance_security.openapi.remembered import as_bytes, as_text, key_of, remembered


class Drawer:
    def __init__(self) -> None:
        self.drawn = 0

    def __call__(self) -> tuple[bytes, ...]:
        self.drawn += 1
        return (b"one", b"\xff\x00")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CONFORMANCE_CACHE", str(tmp_path))
    return tmp_path


def test_a_draw_is_made_once(cache: Path) -> None:
    draw = Drawer()
    first = remembered("key", draw, as_text, as_bytes)
    assert remembered("key", draw, as_text, as_bytes) == first == (b"one", b"\xff\x00")
    assert draw.drawn == 1
    assert remembered("other", draw, as_text, as_bytes) == first
    assert draw.drawn == 2


@pytest.mark.parametrize("spoilt", ["", "{", "[1]", '["not base64!"]', '{"a": 1}'])
def test_what_cannot_be_read_is_drawn_again(cache: Path, spoilt: str) -> None:
    draw = Drawer()
    first = remembered("key", draw, as_text, as_bytes)
    (cache / "drawn" / "key.json").write_text(spoilt, encoding="utf-8")
    assert remembered("key", draw, as_text, as_bytes) == first
    assert draw.drawn == 2


def test_a_place_that_cannot_be_written_costs_time_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("")
    monkeypatch.setenv("CONFORMANCE_CACHE", str(occupied))
    assert remembered("key", Drawer(), as_text, as_bytes) == (b"one", b"\xff\x00")


def test_the_address_of_a_document_does_not_matter_but_all_else_does() -> None:
    document = {"openapi": "3.1.0", "servers": [{"url": "https://127.0.0.1:1"}], "paths": {}}
    elsewhere = {**document, "servers": [{"url": "https://127.0.0.1:2"}]}
    assert key_of(document, 5, True) == key_of(elsewhere, 5, True)
    assert (
        len({key_of(document, 5, True), key_of(document, 6, True), key_of({**document, "paths": {"/a": {}}}, 5)}) == 3
    )
