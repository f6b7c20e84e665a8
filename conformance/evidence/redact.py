"""Redaction before hashing: nothing secret and nothing personal reaches the journal as it was.

- Secrets are *dropped*: by name (``Authorization``, ``password`` …), by shape (Bearer credentials, JSON Web Tokens,
  private keys) and by value (every secret that the harness knows, in its usual encodings).
- Personal data is *committed to*: ``~sd:`` and SHA-256(salt ‖ JCS([path, value])). The salt is derived from the run
  key, so the value cannot be guessed from the report, yet one field can later be opened (see
  :mod:`conformance.evidence.disclose`). The idea is that of RFC 9901, not its syntax.
- Encoded pieces that hold either are treated as a whole (see :mod:`conformance.evidence.encoded`).

Text is changed in place, by spans: a malformed body stays malformed in just the same way.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import rfc8785

from conformance.evidence import names
from conformance.evidence.encoded import DEPTH_MAX, Budget, Finding, replace_encoded
from conformance.evidence.json_spans import Treatment, replace_values
from conformance.evidence.personal import replace_personal
from conformance.evidence.secrets import REDACTED, KnownSecrets, Remembered
from conformance.evidence.stretches import redo_stretches

#: What a commitment begins with.
COMMITTED = "~sd:"
#: What stands for personal data in free text, where no record could be opened later.
PERSONAL = "[personal data]"
_NESTING_MAX = 4
#: Authorization codes hold at least 128 bits (RFC 6749 10.10): 22 characters of Base64.
_CODE_LENGTH_MIN = 20
#: Texts of this length at most, and this many, are remembered as harmless: headers and members repeat all the time.
_REMEMBERED_LENGTH_MAX = 200
_REMEMBERED_MAX = 20_000

_KEY_BLOCK = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.S)
_JWT = re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*")
_SCHEME = re.compile(r"\b(Bearer|DPoP|Basic)(\s+)[A-Za-z0-9._~+/-]{6,}={0,2}(?![A-Za-z0-9._~+/=\"-])", re.I)
_HEADER_LINE = re.compile(r"\b([A-Za-z][A-Za-z0-9-]{2,40})(\s*:[ \t]*)([^\r\n'\"{]+)")
#: Where the name of a header line may end; in JSON, names end with a quotation mark.
_NAME_ENDS = re.compile(r":(?<=[A-Za-z0-9\s-]:)")
_EQUALS = re.compile("=")
_PAIR = re.compile(r"(?<![\w%.-])([\w.%\[\]-]{2,60})=([^&\s\"'<>;,\\]+)")
_PART = re.compile(r"(name=\"([^\"]{1,80})\"[^\r\n]{0,200}(?:\r?\n[^\r\n]{1,200}){0,4}\r?\n\r?\n)([^\r\n]+)")
_ELEMENT = re.compile(r"(<(?:\w+:)?([\w.-]{2,60})(?:\s[^<>]*)?>)([^<]+)(?=</)")
_USERINFO = re.compile(r"(://[^/\s:@\"']*):([^/\s@\"']+)@")
#: The name of a variable that holds the secret, as commands to copy have it: it says nothing of the secret.
_VARIABLE = re.compile(r"\$\{[A-Z][A-Z0-9_]{0,80}\}")
_CURL_USER = re.compile(r"((?:^|\s)(?:-u|--user)[ =]['\"]?[^:'\"\s]*):([^'\"\s]+)")
_CURL_COOKIE = re.compile(r"((?:^|\s)(?:-b|--cookie)[ =])('[^']*'|\"[^\"]*\"|\S+)")


#: Members with which no rule can have to do: too short for any, words and identifiers without capitals (which Base64
#: would have) and without nine digits, points in time. Most members are such.
_HARMLESS = re.compile(
    r"[A-Za-z0-9._/~-]{0,8}|(?!.*\d(?:-?\d){8})[a-z0-9._/~-]{1,200}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z",
    re.ASCII,
)

#: A long member in which only those rules can find something that go over the whole message afterwards.
_UNSTRUCTURED = re.compile(r"[A-Za-z0-9._/~-]*", re.ASCII)

Text = TypeVar("Text", str, bytes)


@dataclass(slots=True)
class Clean:
    """One direction of an exchange after redaction.

    ``sealed`` holds the (path, value) pairs that the sidecar keeps.
    """

    start: str
    headers: list[list[str]]
    body: bytes
    sealed: list[tuple[str, str]] = field(default_factory=list)


class Redactor:
    """Redacts messages and free text. ``run_key``: 32 secret bytes; ``secrets``: values that must never be written.

    Safe to use from several threads.
    """

    def __init__(self, run_key: bytes, secrets: Iterable[str] = ()) -> None:
        self._key = run_key
        self.secrets = KnownSecrets(secrets)
        self._harmless: set[str] = set()

    def add_secret(self, value: str) -> None:
        """Know one more secret value, for example a token just fetched."""
        self.secrets.add(value)

    def add_secrets(self, values: Iterable[str]) -> None:
        """Know more secret values."""
        self.secrets.add(*values)

    def text(self, text: str) -> str:
        """Return free text (a reason, a note, a ``curl`` line) without secrets and personal data."""
        remembered = self.secrets.remembered
        known: str | None = remembered.get((None, text))
        if known is None:
            known = _Pass(self.secrets, None, 0, "", self._harmless).text(text)
            remembered.keep((None, text), known, len(text) + len(known))
        return known

    def value(self, value: Any) -> Any:
        """Return a JSON value with :meth:`text` applied to every string in it, secrets by name included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: REDACTED if _secret_member(key, item) else self.value(item) for key, item in value.items()}
        return [self.value(item) for item in value] if isinstance(value, list | tuple) else value

    def message(self, seq: int, part: str, start: str, headers: Iterable[tuple[str, str]], body: bytes) -> Clean:
        """Return one direction (``part``: "req" or "resp") of exchange ``seq``, redacted."""
        remembered = self.secrets.remembered
        of_body = _Pass(self.secrets, self._key, seq, f"{part}.body", self._harmless)
        clean_body = _once(remembered, of_body, of_body.body, body)
        of_head = _Pass(self.secrets, self._key, seq, f"{part}.head", self._harmless)
        known = remembered.get
        clean_headers = [
            [name, known((name, value)) or _once(remembered, of_head, of_head.header, name, value)]
            for name, value in headers
        ]
        if of_body.committed:
            clean_headers = [[name, _without_digest(name, value)] for name, value in clean_headers]
        clean_start = _once(remembered, of_head, of_head.text, start)
        return Clean(clean_start, clean_headers, clean_body, of_head.sealed + of_body.sealed)


def _once(remembered: Remembered, walk: _Pass, redact: Callable[..., Text], *given: Text) -> Text:
    """Return what ``redact`` makes of a text, from memory where it was made before.

    What holds commitments is made anew each time: they differ from one exchange to the next.
    """
    known: Text | None = remembered.get(given)
    if known is not None:
        return known
    before = walk.committed
    clean = redact(*given)
    if walk.committed == before:
        remembered.keep(given, clean, sum(map(len, given)) + len(clean))
    return clean


def _names_a_scheme(folded: str) -> bool:
    return "bearer" in folded or "basic" in folded or "dpop" in folded


def _names_a_variable(found: re.Match[str]) -> bool:
    """Tell whether a header's value is a reference to the environment, as in ``Authorization: Bearer ${TOKEN}``."""
    return found[3].endswith("$") and found.string[found.end() : found.end() + 1] == "{"


def salt_of(run_key: bytes, seq: int, path: str) -> bytes:
    """Return the 128-bit salt of one field of one exchange."""
    return hmac.digest(run_key, f"salt|{seq}|{path}".encode(), "sha256")[:16]


def commitment(salt: bytes, path: str, value: str) -> str:
    """Return what stands in the journal for ``value`` at ``path``."""
    return COMMITTED + hashlib.sha256(salt + rfc8785.dumps([path, value])).hexdigest()


def _secret_member(key: object, item: Any) -> bool:
    return isinstance(key, str) and isinstance(item, str) and bool(item) and names.is_secret(key)


def _treated(name: str) -> Treatment:
    if names.is_secret(name):
        return Treatment.HIDDEN
    return Treatment.GUARDED if names.is_card_secret(name) else Treatment.OPEN


def _treated_beside_keys(name: str) -> Treatment:
    return Treatment.HIDDEN if names.is_private_key_part(name) else _treated(name)


def _authorization_code(name: str, value: str) -> bool:
    """Tell whether a form or query hands over a code that opens something; short codes say what went wrong."""
    return name == "code" and len(value) >= _CODE_LENGTH_MIN


def _without_digest(name: str, value: str) -> str:
    return "[left out: computed over personal data]" if name.lower() in names.DIGEST_HEADERS else value


class _Pass:
    """One walk over one part of one record; counts what it replaces, so that every path is unique."""

    def __init__(
        self, secrets: KnownSecrets, run_key: bytes | None, seq: int, part: str, harmless: set[str], level: int = 0
    ) -> None:
        self._secrets, self._key, self._seq, self._part = secrets, run_key, seq, part
        #: Texts in which the rules by name and by shape find nothing; secrets known by value are always looked for.
        self._harmless = harmless
        #: Encodings taken off what this pass reads, and how often it read behind one more.
        self._level, self._judged = level, 0
        self.budget = Budget()
        self.sealed: list[tuple[str, str]] = []
        self.committed = 0
        #: Whether something was found that is not kept even sealed.
        self.unkept = False

    def body(self, body: bytes) -> bytes:
        """Return a body with its text redacted; what is not UTF-8 is treated byte by byte."""
        try:
            return self.text(body.decode("utf-8")).encode("utf-8")
        except UnicodeDecodeError:
            return self.text(body.decode("latin-1")).encode("latin-1", "backslashreplace")

    def header(self, name: str, value: str) -> str:
        """Return a header's value redacted; of credentials the scheme, of cookies the names and attributes stay."""
        word = names.plain(name)
        if word in ("authorization", "proxyauthorization"):
            scheme, space, _ = value.partition(" ")
            return f"{scheme} {REDACTED}" if space else REDACTED
        if word in ("cookie", "setcookie"):
            return _cookies(value, every=word == "cookie")
        return REDACTED if names.is_secret(name) and value else self.text(value)

    def text(self, text: str, depth: int = 0) -> str:
        """Return text with everything known, named or shaped like a secret gone and personal data replaced."""
        return self._searched(self._secrets.removed_from(text), depth)

    def _searched(self, text: str, depth: int) -> str:
        """Return a text in which no known secret is, with what is named or shaped like one gone."""
        if text in self._harmless:
            return text
        judged = self._judged
        if not depth and not self._level:
            self.budget.allow(len(text))
        clean = self._by_rules(text, depth)
        if clean == text and self._judged == judged and (depth < _NESTING_MAX or '"' not in text):
            self._remember(text)
        return clean

    def _remember(self, text: str) -> None:
        """Remember a harmless text, unless something was decoded: a secret learnt later may be behind the encoding."""
        if self._level >= DEPTH_MAX or len(text) > _REMEMBERED_LENGTH_MAX:
            return
        if len(self._harmless) >= _REMEMBERED_MAX:
            self._harmless.clear()
        self._harmless.add(text)

    def judge(self, decoded: str) -> Finding:
        """Tell what a text behind one more encoding holds."""
        self._judged += 1
        if decoded in self._harmless and not self._secrets.found_in(decoded):
            return Finding.NOTHING
        inner = _Pass(self._secrets, None, self._seq, self._part, self._harmless, self._level + 1)
        inner.budget = self.budget
        clean = inner.text(decoded)
        if clean == decoded:
            return Finding.NOTHING
        return Finding.SECRET if inner.unkept or clean.count(REDACTED) > decoded.count(REDACTED) else Finding.PERSONAL

    def hide(self, piece: str, finding: Finding) -> str:
        """Return what stands for an encoded piece: nothing of it is left if it holds a secret."""
        return REDACTED if finding is Finding.SECRET else self._commit(piece)

    def known_harmless(self, piece: str) -> bool:
        """Tell whether nothing was found in this piece when it stood alone, and nothing had to be decoded."""
        return piece in self._harmless

    def _by_rules(self, text: str, depth: int) -> str:
        """Redact what is named or shaped like a secret, and personal data."""
        if "-----BEGIN" in text:
            text = _KEY_BLOCK.sub(REDACTED, text)
        if '"' in text and depth < _NESTING_MAX:
            text = self._json(text, depth)
        if "eyJ" in text:
            text = _JWT.sub(REDACTED, text)
        if "-u" in text:
            text = _CURL_USER.sub(rf"\1:{REDACTED}", text)
        if "-b" in text or "--cookie" in text:
            text = _CURL_COOKIE.sub(rf"\1'{REDACTED}'", text)
        if " " in text and _names_a_scheme(text.casefold()):
            text = _SCHEME.sub(rf"\1\2{REDACTED}", text)
        text = replace_personal(self._named_values(text), self._commit)
        return replace_encoded(text, self) if self._level < DEPTH_MAX else text

    def _named_values(self, text: str) -> str:
        """Redact what stands under a telling name in any notation but JSON; each is looked for only where it may be."""
        if ":" in text:
            text = redo_stretches(text, _NAME_ENDS, lambda stretch: _HEADER_LINE.sub(self._header_line, stretch))
        if "://" in text:
            text = _USERINFO.sub(rf"\1:{REDACTED}@", text)
        if "=" in text:
            text = redo_stretches(text, _EQUALS, lambda stretch: _PAIR.sub(self._pair, stretch))
            text = _PART.sub(lambda found: found[1] + self._named(found[2], found[3]), text)
        if "</" in text:
            text = _ELEMENT.sub(lambda found: found[1] + self._named(found[2], found[3]), text)
        return text

    def _json(self, text: str, depth: int) -> str:
        treat = _treated_beside_keys if '"kty"' in text else _treated

        def replace(name: str, hidden: bool, value: str, verbatim: bool) -> str:
            if hidden:
                return REDACTED if value and not _VARIABLE.fullmatch(value) else value
            if names.is_card_secret(name) and value:
                return self._commit(value, keep=False)
            # What stands in the text as it is was searched with it for known secrets.
            return self._searched(value, depth + 1) if verbatim else self.text(value, depth + 1)

        return replace_values(text, treat, self._stays, replace)

    def _stays(self, value: str) -> bool:
        """Tell whether a member is harmless at first sight. Known secrets were taken out of the text around it."""
        if len(value) > _REMEMBERED_LENGTH_MAX:
            return bool(_UNSTRUCTURED.fullmatch(value))
        return ("\\" not in value and value in self._harmless) or bool(_HARMLESS.fullmatch(value))

    def _header_line(self, found: re.Match[str]) -> str:
        name = found[1]
        if not names.is_secret(name) or found[3].rstrip().endswith(REDACTED) or _names_a_variable(found):
            return found[0]
        return f"{name}{found[2]}{self.header(name, found[3])}"

    def _pair(self, found: re.Match[str]) -> str:
        return f"{found[1]}={self._named(found[1], found[2])}"

    def _named(self, name: str, value: str) -> str:
        if names.is_card_secret(name):
            return self._commit(value, keep=False)
        hidden = names.is_secret(name) or _authorization_code(name, value)
        return REDACTED if hidden and not _VARIABLE.fullmatch(value) else value

    def _commit(self, value: str, keep: bool = True) -> str:
        """Replace personal data. Card verification values and PINs are not kept even sealed (``keep`` False)."""
        if value.startswith(COMMITTED):
            return value
        self.unkept = self.unkept or not keep
        if self._key is None:
            return PERSONAL
        value = value.encode("utf-8", "backslashreplace").decode("utf-8")
        self.committed += 1
        path = f"{self._part}#{self.committed}"
        if keep:
            self.sealed.append((path, value))
        return commitment(salt_of(self._key, self._seq, path), path, value)


def _cookies(value: str, *, every: bool) -> str:
    """Redact each cookie of a ``Cookie`` header (``every``), or only the first pair of a ``Set-Cookie``."""
    parts = value.split(";")
    for index, part in enumerate(parts):
        if every or index == 0:
            name, equals, _ = part.partition("=")
            parts[index] = f"{name}={REDACTED}" if equals else REDACTED
    return ";".join(parts)
