"""Secrets: named in files, revealed only at use, remembered so that nothing recorded shows them."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from conformance.errors import ConfigError
from conformance.model.candidate import CandidateFile
from conformance.sdk.drivers import Recorder

#: Shorter values are not remembered: masking "1" or "CNY" everywhere would destroy the record.
SHORTEST_MASKED = 6
#: What was made of a text is remembered up to this length, and of this many.
LONGEST_REMEMBERED = 1000
REMEMBERED_MAX = 4096

#: Makes a text of a text with what is known of secrets.
_Make = Callable[[str, "Secrets"], str]


def variable_name(text: str) -> str:
    """Return a name that every shell takes for a variable: letters, digits and "_", no digit first; case is kept."""
    name = re.sub(r"[^A-Za-z0-9_]+", "_", text)
    return name if name and not name[0].isdigit() else f"_{name}"


def is_reference(value: object) -> bool:
    """Tell whether ``value`` names a secret: ``{ env = "NAME" }`` or ``{ file = "path" }``."""
    return isinstance(value, Mapping) and len(value) == 1 and bool({"env", "file"} & set(value))


def _joined(pieces: list[str], name: str) -> list[str]:
    """Return pieces of text with a name between each two."""
    return [part for piece in pieces for part in (name, piece)][1:]


class Secrets:
    """Reveals references and remembers what it revealed, each with the name that stands for it in commands.

    ``base`` is the directory that relative file references start from: that of the candidate file.
    """

    def __init__(
        self,
        base: Path | None = None,
        environment: Mapping[str, str] | None = None,
        learned: Callable[[str], None] | None = None,
    ) -> None:
        self._base = base or Path.cwd()
        self._environment = os.environ if environment is None else environment
        self._learned = learned
        self._names: dict[str, str] = {}
        #: Secrets with their names, the longest first, made anew when one is added.
        self._longest_first: tuple[tuple[str, str], ...] = ()
        #: What was made of short texts, until another secret is known: headers repeat all the time.
        self._made: dict[tuple[_Make, str], str] = {}
        self._lock = threading.Lock()

    @classmethod
    def of(cls, candidate: CandidateFile, recorder: Recorder) -> Secrets:
        """Return the secrets of a candidate file; a recorder that can learn is told each one before it is used."""
        return cls(candidate.path.parent if candidate.path else None, None, getattr(recorder, "add_secret", None))

    def reveal(self, value: Any, where: str) -> str:
        """Return the text behind ``value``, a reference or plain text; raises ConfigError naming what is missing."""
        if not is_reference(value):
            return str(value)
        if "env" in value:
            name = str(value["env"])
            text = self._environment.get(name)
            if not text:
                raise ConfigError(
                    f"environment variable {name} is not set", where=where, remedy=f"Set it: export {name}=…"
                )
        else:
            name = Path(str(value["file"])).stem.upper()
            text = self._read(str(value["file"]), where)
        self.remember(text, name)
        return text

    def reveal_all(self, *sections: Any) -> None:
        """Reveal every reference that can be, so that a recorder knows them all before the first exchange.

        What is missing is left for its use to complain about.
        """
        for section in sections:
            if is_reference(section):
                with suppress(ConfigError):
                    self.reveal(section, "")
            elif isinstance(section, Mapping):
                self.reveal_all(*section.values())
            elif isinstance(section, list | tuple):
                self.reveal_all(*section)

    def path(self, value: Any) -> str:
        """Return an absolute path for a file named in the candidate file, as text or as ``{ file = … }``."""
        named = value.get("file", "") if isinstance(value, Mapping) else value
        return str(self._base / str(named))

    def remember(self, text: str, name: str) -> None:
        """Keep a secret that was made or received at run time (an access token) out of records and commands.

        Whatever ``name`` holds (an account's number, an address), what stands for the secret is a variable's name.
        """
        if len(text) < SHORTEST_MASKED or text in self._names:
            return
        with self._lock:
            self._names[text] = variable_name(name)
            self._longest_first = tuple(sorted(self._names.items(), key=lambda item: -len(item[0])))
            # Only now: what somebody still makes without it is kept where nobody looks any more.
            self._made = {}
        if self._learned:
            self._learned(text)

    def values(self) -> frozenset[str]:
        """Return all secret texts revealed so far, for redaction."""
        with self._lock:
            return frozenset(self._names)

    def parts(self, text: str) -> list[str]:
        """Return a text cut at every known secret, longest first: text and the names of secrets by turns.

        Names stand at odd places, and are not searched for secrets again.
        """
        parts = [text]
        for secret, name in self._longest_first:
            if secret in text:
                cut = [[part] if place % 2 else _joined(part.split(secret), name) for place, part in enumerate(parts)]
                parts = [part for several in cut for part in several]
        return parts

    def once(self, make: _Make, text: str) -> str:
        """Return what ``make`` makes of a text with the secrets known by now, from memory where it can be."""
        made = self._made
        known = made.get((make, text))
        if known is None:
            known = make(text, self)
            if len(text) <= LONGEST_REMEMBERED and len(made) < REMEMBERED_MAX:
                made[(make, text)] = known
        return known

    def _read(self, name: str, where: str) -> str:
        try:
            return (self._base / name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"the secret file {name} cannot be read: {error}", where=where, remedy="Check the path and its rights."
            ) from error
