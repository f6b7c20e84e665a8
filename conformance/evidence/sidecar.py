"""What only the holder of the run key may read: the personal data behind the commitments, sealed with AES-256-GCM.

The run key and the sealed values lie in a run's ``private/`` directory, which is never handed over with a report.
Destroying it erases the values for good, and the report and its evidence stay valid.
"""

from __future__ import annotations

import base64
import hmac
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from conformance.errors import ConfigError, HarnessError

_KEY_BYTES = 32
_NONCE_BYTES = 12


def private_directory(run_dir: Path) -> Path:
    """Return where a run keeps what is not handed over."""
    return run_dir / "private"


def run_key(run_dir: Path) -> bytes:
    """Return the run's key, made and stored (mode 0600) at first use."""
    path = private_directory(run_dir) / "run.key"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return existing_run_key(run_dir)
    with os.fdopen(handle, "wb") as stream:
        stream.write(secrets.token_bytes(_KEY_BYTES))
        stream.flush()
        os.fsync(stream.fileno())
    return existing_run_key(run_dir)


def existing_run_key(run_dir: Path) -> bytes:
    """Return the run's key; raises ConfigError where it is gone."""
    path = private_directory(run_dir) / "run.key"
    key = path.read_bytes() if path.exists() else b""
    if len(key) != _KEY_BYTES:
        raise ConfigError(
            "the run key is missing or damaged; without it no value can be opened",
            where=str(path),
            remedy="Use the run directory of the machine that made the run.",
        )
    return key


def erase_values(run_dir: Path) -> None:
    """Destroy the run key and all sealed values. The report and its evidence stay verifiable."""
    shutil.rmtree(private_directory(run_dir))


class Sidecar:
    """Appends sealed values to ``private/values.jsonl``, one line per exchange that has any."""

    def __init__(self, run_dir: Path, key: bytes) -> None:
        self.path = private_directory(run_dir) / "values.jsonl"
        self._cipher = AESGCM(hmac.digest(key, b"sidecar", "sha256"))
        self._lines: list[bytes] = []

    def keep(self, seq: int, values: Sequence[tuple[str, str]]) -> None:
        """Seal the (path, value) pairs of one exchange; written at the next :meth:`flush`."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, json.dumps(values).encode(), _bound_to(seq))
        line = {"seq": seq, "sealed": base64.b64encode(nonce + sealed).decode("ascii")}
        self._lines.append(json.dumps(line).encode() + b"\n")

    def flush(self) -> None:
        """Write what was kept."""
        if not self._lines:
            return
        lines, self._lines = self._lines, []
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "ab") as stream:
            stream.writelines(lines)
            stream.flush()
            os.fdatasync(stream.fileno())

    def values(self, seq: int) -> list[tuple[str, str]]:
        """Return what was kept for one exchange; raises HarnessError if the key does not fit."""
        return [pair for sealed in self._sealed(seq) for pair in self._opened(seq, sealed)]

    def _sealed(self, seq: int) -> Iterator[bytes]:
        if not self.path.exists():
            return
        with self.path.open("rb") as stream:
            for line in stream:
                if line.endswith(b"\n") and (item := json.loads(line))["seq"] == seq:
                    yield base64.b64decode(item["sealed"])

    def _opened(self, seq: int, sealed: bytes) -> list[tuple[str, str]]:
        try:
            content = self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _bound_to(seq))
        except InvalidTag:
            raise HarnessError("the sealed values do not fit the run key", where=str(self.path)) from None
        return [(str(path), str(value)) for path, value in json.loads(content)]


def _bound_to(seq: int) -> bytes:
    return f"exchange {seq}".encode()
