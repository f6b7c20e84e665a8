"""Writing renderings: whole files or none."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write_text(path: Path, text: str) -> Path:
    """Write ``text`` as UTF-8 with plain newlines to ``path``, replacing it at once; return ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".draft")
    draft.write_bytes(text.encode("utf-8"))
    os.replace(draft, path)
    return path


def write_json(path: Path, value: Any) -> Path:
    """Write ``value`` as indented JSON in the order it was built, Chinese left readable; return ``path``."""
    return write_text(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")
