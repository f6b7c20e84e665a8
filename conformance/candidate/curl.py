"""A command that repeats an exchange, with every secret as the name of an environment variable."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from urllib.parse import urlsplit

from conformance.candidate.secrets import Secrets
from conformance.sdk.load import WireRequest

#: Bodies beyond this are named, not shown.
BODY_SHOWN = 2000

#: Stands for a body that is not shown.
_FILE = ["--data-binary", "@body.bin"]
#: Segments that curl would work out and remove.
_DOTS = re.compile(r"/(?:\.|%2e){1,2}(?=/|$)", re.IGNORECASE)
#: Characters of an address in which curl reads several addresses.
_SEVERAL = frozenset("[]{}")


def curl_line(request: WireRequest, ca: str, secrets: Secrets, identity: tuple[str, str] = ("", "")) -> str:
    """Return the command for a finished request; ``identity``: paths of a client certificate and its key, or ""."""
    words = ["curl", "-X", shlex.quote(request.method), _quoted(request.url, secrets), *_as_it_is(request)]
    if ca:
        words += ["--cacert", shlex.quote(ca)]
    if request.url.startswith("https:"):
        words += _shown(identity)
    for line in _header_lines(request):
        words += ["-H", _quoted(line, secrets)]
    if request.body:
        words += _data(request.body, secrets)
    return " ".join(words)


def _as_it_is(request: WireRequest) -> list[str]:
    """Return the options that keep curl from sending something else than it is given, where it would."""
    parts = urlsplit(request.url)
    needed = {
        "-g": not _SEVERAL.isdisjoint(parts.path + parts.query),
        "--path-as-is": bool(_DOTS.search(parts.path)),
        "-I": request.method == "HEAD" and not request.body,  # else it waits for a body that never comes
        "--http1.1": parts.scheme == "https",
    }
    return [option for option, is_needed in needed.items() if is_needed]


def _shown(identity: tuple[str, str]) -> list[str]:
    """Return the options for a client certificate; a colon would begin a password."""
    certificate, key = identity
    if not certificate:
        return []
    shown = ["--cert", shlex.quote(certificate.replace("\\", "\\\\").replace(":", "\\:"))]
    return shown + (["--key", shlex.quote(key)] if key else [])


def _header_lines(request: WireRequest) -> list[str]:
    """Return headers as curl takes them: one without a value ends in a semicolon, one that it must not add in a colon.

    ``Content-Length: 0`` stands in for the empty body that goes with every write.
    """
    given = {name.lower() for name, _ in request.headers}
    lines = [f"{name}: {value}" if value.strip(" \t") else f"{name};" for name, value in request.headers]
    if request.body and "content-type" not in given:
        lines.append("Content-Type:")
    if not request.body and request.method in ("POST", "PUT", "PATCH") and "content-length" not in given:
        lines.append("Content-Length: 0")
    return lines


def _data(body: bytes, secrets: Secrets) -> list[str]:
    try:
        text = body[: BODY_SHOWN + 1].decode("utf-8")
    except UnicodeDecodeError:
        return _FILE
    if len(text) > BODY_SHOWN or "\x00" in text:
        return _FILE
    # Behind an @ curl looks for the name of a file; its other option for data does not.
    return ["--data-raw" if text.startswith("@") else "--data-binary", _quoted(text, secrets)]


def _quoted(text: str, secrets: Secrets) -> str:
    return secrets.once(_masked_and_quoted, text)


def _masked_and_quoted(text: str, secrets: Secrets) -> str:
    # No word of a command can hold a NUL, and a terminal should not be sent one.
    parts = secrets.parts(text.replace("\x00", "\\x00"))
    if len(parts) == 1:
        return shlex.quote(parts[0])
    return f'"{_with_variables(parts, _escaped)}"'


def _with_variables(parts: list[str], escape: Callable[[str], str]) -> str:
    """Return text for double quotes, with a variable for each secret."""
    return "".join(f"${{{part}}}" if place % 2 else escape(part) for place, part in enumerate(parts))


def _escaped(text: str) -> str:
    return re.sub(r'([\\"$`])', r"\\\1", text)


def raw_line(sent: bytes, place: tuple[str, int], through: tuple[str, str, str] | None, secrets: Secrets) -> str:
    """Return a command that sends the same bytes to ``place``, host and port; "" where nothing readable was sent.

    ``through``: for TLS the CA, the client certificate and its key, each a path or "". None is plain TCP. Handshakes,
    which begin as records of TLS do, are made anew each time, and what is too long is no line any more.
    """
    if not sent or len(sent) > BODY_SHOWN or b"\x14" <= sent[:1] <= b"\x17":
        return ""
    return f"{_printed(sent, secrets)} | {' '.join(_tcp(*place) if through is None else _openssl(*place, *through))}"


def _printed(sent: bytes, secrets: Secrets) -> str:
    """Return a call of printf. Variables stand where redaction, which reads names of headers, knows them as such."""
    quoted = _with_variables(secrets.parts(sent.decode("latin-1")), lambda part: "".join(map(_printf, part)))
    return f'printf "{quoted}"'


def _openssl(host: str, port: int, ca: str, certificate: str, key: str) -> list[str]:
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    words = ["openssl", "s_client", "-quiet", "-ign_eof", "-alpn", "http/1.1", "-connect", shlex.quote(place)]
    for option, path in (("-CAfile", ca), ("-cert", certificate), ("-key", key)):
        words += [option, shlex.quote(path)] if path else []
    return words


def _tcp(host: str, port: int) -> list[str]:
    """Return bash's own way to a port: unlike nc, it is the same everywhere."""
    return ["bash", "-c", shlex.quote(f"exec 3<>/dev/tcp/{shlex.quote(host)}/{port}; cat >&3; exec cat <&3")]


def _printf(character: str) -> str:
    """Return a character as printf inside double quotes understands it."""
    escapes = {"\r": r"\r", "\n": r"\n", "\\": r"\\\\", "%": "%%"}
    if character in escapes:
        return escapes[character]
    if character in '"$`':
        return f"\\{character}"
    return character if " " <= character <= "~" else f"\\x{ord(character):02x}"
