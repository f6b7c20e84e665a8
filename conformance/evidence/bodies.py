"""Large bodies, beside the journal: each in a file named by the SHA-256 of its bytes on disk.

The name is over the *stored* bytes, so a changed file is found out before anything is decompressed.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from conformance.evidence.errors import EvidenceDamaged
from conformance.evidence.frames import FRAME_BYTES_MAX, BadFrame, pack, unpack


class BodyStore:
    """The directory ``bodies/`` of an evidence directory."""

    def __init__(self, evidence: Path) -> None:
        self.directory = evidence / "bodies"

    def put(self, content: bytes) -> str:
        """Store a redacted body durably and return its name; the same body is stored once."""
        stored = pack(content)
        name = hashlib.sha256(stored).hexdigest()
        path = self.directory / name
        if not path.exists():
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            partial = path.with_suffix(f".{os.getpid()}.partial")
            with partial.open("wb") as stream:
                stream.write(stored)
                stream.flush()
                os.fdatasync(stream.fileno())
            partial.replace(path)
        return name

    def get(self, name: str) -> bytes:
        """Return a stored body; raises :class:`EvidenceDamaged` if it is missing, altered or too large."""
        path = self.directory / name
        if len(name) != 64 or not set(name) <= set("0123456789abcdef"):
            raise EvidenceDamaged("BODY_DAMAGED", "a stored body is named by 64 hexadecimal digits", path)
        try:
            if path.stat().st_size > FRAME_BYTES_MAX:
                raise EvidenceDamaged("BODY_DAMAGED", f"larger than {FRAME_BYTES_MAX} bytes", path)
            stored = path.read_bytes()
        except OSError as error:
            raise EvidenceDamaged("BODY_MISSING", f"cannot be read ({error.strerror})", path) from None
        if hashlib.sha256(stored).hexdigest() != name:
            raise EvidenceDamaged("BODY_DAMAGED", "the file's digest is not its name", path)
        try:
            return unpack(stored)
        except BadFrame as error:
            raise EvidenceDamaged("BODY_DAMAGED", str(error), path) from None
