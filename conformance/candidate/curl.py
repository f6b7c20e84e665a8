"""A command that repeats an exchange, with every secret as the name of an environment variable."""

from __future__ import annotations

import re
import shlex

from conformance.candidate.secrets import Secrets
from conformance.sdk.load import WireRequest

#: Bodies beyond this are named, not shown.
BODY_SHOWN = 2000


#: Stands around a secret's name until the text is quoted; no header or body that is shown contains it.
_MARK = "\x00{}\x00"
_MARKED = re.compile("\x00(\\w+)\x00")
#: Stands for a NUL of the bytes themselves.
_NUL = "\ue000"


def curl_line(request: WireRequest, ca: str, secrets: Secrets) -> str:
    """Return the command for a finished request."""
    words = ["curl", "-X", shlex.quote(request.method), _quoted(request.url, secrets)]
    if ca:
        words += ["--cacert", shlex.quote(ca)]
    for name, value in request.headers:
        words += ["-H", _quoted(f"{name}: {value}", secrets)]
    if request.body:
        words += ["--data-binary", _body(request.body, secrets)]
    return " ".join(words)


def _body(body: bytes, secrets: Secrets) -> str:
    try:
        text = body[: BODY_SHOWN + 1].decode("utf-8")
    except UnicodeDecodeError:
        return "@body.bin"
    return _quoted(text, secrets) if len(text) <= BODY_SHOWN and "\x00" not in text else "@body.bin"


def _quoted(text: str, secrets: Secrets) -> str:
    return secrets.once(_masked_and_quoted, text)


def _masked_and_quoted(text: str, secrets: Secrets) -> str:
    masked = secrets.mask(text, _MARK)
    if "\x00" not in masked:
        return shlex.quote(masked)
    escaped = re.sub(r'([\\"$`])', r"\\\1", masked)
    return '"' + re.sub(r"\x00(\w+)\x00", r"${\1}", escaped) + '"'


def openssl_line(sent: bytes, place: str, ca: str, secrets: Secrets) -> str:
    """Return a command that sends the same bytes through TLS to ``host:port``; "" where they are too many to print."""
    if not sent or len(sent) > BODY_SHOWN:
        return ""
    text = secrets.mask(sent.decode("latin-1").replace("\x00", _NUL), _MARK)
    parts = enumerate(_MARKED.split(text))
    quoted = "".join(f"${{{part}}}" if number % 2 else "".join(map(_printf, part)) for number, part in parts)
    root = f" -CAfile {shlex.quote(ca)}" if ca else ""
    return f'printf "{quoted}" | openssl s_client -quiet -ign_eof -connect {shlex.quote(place)}{root}'


def _printf(character: str) -> str:
    """Return a character as printf inside double quotes understands it."""
    escapes = {"\r": r"\r", "\n": r"\n", "\\": r"\\\\", "%": "%%", _NUL: r"\x00"}
    if character in escapes:
        return escapes[character]
    if character in '"$`':
        return f"\\{character}"
    return character if " " <= character <= "~" else f"\\x{ord(character):02x}"
