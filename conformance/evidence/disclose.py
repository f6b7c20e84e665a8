"""Opening one committed field: hand over its value and salt, and anyone can check them against the signed evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.evidence.redact import commitment, salt_of
from conformance.evidence.sidecar import Sidecar, existing_run_key


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One opened field: exchange ``seq``, the field's ``path``, its ``value`` and the salt in hex."""

    seq: int
    path: str
    value: str
    salt: str

    def as_json(self) -> dict[str, Any]:
        """Return the form to hand over."""
        return {"seq": self.seq, "path": self.path, "value": self.value, "salt": self.salt}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Disclosure:
        """Read the form that :meth:`as_json` writes."""
        return cls(int(value["seq"]), str(value["path"]), str(value["value"]), str(value["salt"]))

    @property
    def committed(self) -> str:
        """Return what must stand in the record."""
        return commitment(bytes.fromhex(self.salt), self.path, self.value)


def disclose(run_dir: Path, seq: int) -> tuple[Disclosure, ...]:
    """Return every field of one exchange that can be opened, in order of their places.

    Raises ConfigError if the run key is gone.
    """
    key = existing_run_key(run_dir)
    found = Sidecar(run_dir, key).values(seq)
    return tuple(Disclosure(seq, path, value, salt_of(key, seq, path).hex()) for path, value in found)


def opens(disclosure: Disclosure, record: Mapping[str, Any], body: str = "") -> bool:
    """Tell whether a disclosure is true of a record of the journal (``body``: of a body stored beside it)."""
    return record.get("seq") == disclosure.seq and disclosure.committed in f"{record}{body}"
