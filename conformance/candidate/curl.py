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
    masked = secrets.mask(text, _MARK)
    if "\x00" not in masked:
        return shlex.quote(masked)
    escaped = re.sub(r'([\\"$`])', r"\\\1", masked)
    return '"' + re.sub(r"\x00(\w+)\x00", r"${\1}", escaped) + '"'
