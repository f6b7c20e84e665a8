"""Drawn requests kept between runs: the same document, seed and number draw the same requests, which takes seconds.

What is kept is as deterministic as drawing it anew; a file that cannot be read, or belongs to other versions of what
draws, is drawn again. Nothing of a product's answers is kept.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import platformdirs

T = TypeVar("T")


def cache() -> Path:
    """Return the directory for what can be made again."""
    return Path(os.environ.get("CONFORMANCE_CACHE") or platformdirs.user_cache_path("fintech-conformance"))


def key_of(document: Mapping[str, Any], *details: object) -> str:
    """Return the name of a draw: the document without the address it is served at, what was asked, who drew it."""
    bare = {name: value for name, value in document.items() if name != "servers"}
    drawers = [version(name) for name in ("schemathesis", "hypothesis")]
    text = json.dumps([bare, [str(item) for item in details], drawers], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def remembered(
    key: str, draw: Callable[[], tuple[T, ...]], write: Callable[[T], Any], read: Callable[[Any], T]
) -> tuple[T, ...]:
    """Return what was drawn under ``key`` before, or draw it and keep it if there is a place to."""
    path = cache() / "drawn" / f"{key}.json"
    try:
        return tuple(read(item) for item in json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        drawn = draw()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps([write(item) for item in drawn]), encoding="utf-8")
        partial.replace(path)
    except OSError:
        return drawn  # a read-only home costs time, nothing else
    return drawn


def as_text(data: bytes) -> str:
    """Return bytes as text for JSON."""
    return base64.b64encode(data).decode("ascii")


def as_bytes(text: str) -> bytes:
    """Return the bytes of :func:`as_text`; raises ValueError."""
    return base64.b64decode(text, validate=True)
