"""The recorder: what drivers saw goes in, redacted records come out in the journal."""

from __future__ import annotations

import base64
import json
import secrets
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

from conformance.evidence.bodies import BodyStore
from conformance.evidence.journal import Journal
from conformance.evidence.redact import Clean, Redactor
from conformance.evidence.sidecar import Sidecar, run_key
from conformance.sdk.drivers import Sighting, WireMessage

#: Larger bodies go to the store beside the journal, in bytes.
INLINE_BODY_MAX = 64 * 1024
_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def evidence_directory(run_dir: Path) -> Path:
    """Return where a run keeps its journal."""
    return run_dir / "evidence"


class EvidenceRecorder:
    """Redacts, numbers and appends exchanges; implements :class:`conformance.sdk.drivers.Recorder`.

    The journal lies in ``evidence/`` of ``run_dir``; ``secrets`` are all secret values the harness knows;
    ``attempt`` counts the processes that have worked on the run; ``patience_s`` is how long another one that still
    writes is waited for before RunInUse is raised. Safe to use from several threads; set :attr:`check` before each
    check.
    """

    def __init__(
        self, run_dir: Path, run: str, *, secrets: Iterable[str] = (), attempt: int = 1, patience_s: float = 0.0
    ) -> None:
        evidence = evidence_directory(run_dir)
        key = run_key(run_dir)
        self.run = run
        #: The check that exchanges are credited to.
        self.check = ""
        self.attempt = attempt
        self.redactor = Redactor(key, secrets)
        self._mutex = threading.RLock()
        self._journal = Journal(evidence, patience_s=patience_s)
        self._bodies = BodyStore(evidence)
        self._sidecar = Sidecar(run_dir, key)

    @property
    def next_seq(self) -> int:
        """Return the number that the next exchange will have."""
        return self._journal.next_seq

    def add_secret(self, value: str) -> None:
        """Know one more secret value, for example a token just fetched."""
        self.redactor.add_secret(value)

    def add_secrets(self, values: Iterable[str]) -> None:
        """Know more secret values."""
        self.redactor.add_secrets(values)

    def redact(self, value: Any) -> Any:
        """Return a JSON value cleaned as the journal is cleaned."""
        return self.redactor.value(value)

    def record(self, sighting: Sighting) -> int:
        """Redact and append one exchange; return its sequence number."""
        check = self.check
        with self._mutex:
            sealed: list[tuple[str, str]] = []
            seq = self._journal.append(lambda seq: self._line(seq, check, sighting, sealed))
            if sealed:
                self._sidecar.keep(seq, sealed)
            return seq

    def flush(self) -> None:
        """Make everything recorded so far durable; call it before reporting an outcome that cites it."""
        with self._mutex:
            self._sidecar.flush()
            self._journal.flush()

    def close(self) -> None:
        """Flush and let another process record."""
        with self._mutex:
            self._sidecar.flush()
            self._journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _line(self, seq: int, check: str, sighting: Sighting, sealed: list[tuple[str, str]]) -> bytes:
        text = self.redactor.text
        record = {
            "seq": seq,
            "run": self.run,
            "nonce": secrets.token_hex(16),
            "check": check,
            "attempt": self.attempt,
            "t0Us": sighting.started_us,
            "dtUs": sighting.elapsed_us,
            "kind": sighting.kind,
            "req": self._side(seq, "req", sighting.request, sealed),
            "resp": self._side(seq, "resp", sighting.response, sealed) if sighting.response else None,
            "net": {key: text(value) for key, value in sighting.net.items()},
            "error": text(sighting.error),
        }
        return _COMPACT(record).encode("utf-8", "backslashreplace")

    def _side(self, seq: int, part: str, message: WireMessage, sealed: list[tuple[str, str]]) -> dict[str, Any]:
        clean = self.redactor.message(seq, part, message.start, message.headers, message.body)
        sealed += clean.sealed
        return {"start": clean.start, "headers": clean.headers, "body": self._body(clean)}

    def _body(self, clean: Clean) -> str | dict[str, Any]:
        if len(clean.body) > INLINE_BODY_MAX:
            return {"stored": self._bodies.put(clean.body), "size": len(clean.body)}
        try:
            return clean.body.decode("utf-8")
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(clean.body).decode("ascii")}
