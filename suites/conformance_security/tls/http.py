"""HTTP/1.1 as bytes, for requests that no client library would send this early."""

from __future__ import annotations

from urllib.parse import urlsplit

from conformance.sdk import WireRequest
from conformance_security.tls.wire import Malformed


def request_bytes(request: WireRequest) -> bytes:
    """Return a finished request as it stands on the wire, on a connection that ends with it."""
    parts = urlsplit(request.url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    given = {name.lower() for name, _ in request.headers}
    lines = [f"{request.method} {path} HTTP/1.1"]
    if "host" not in given:
        lines.append(f"Host: {parts.netloc}")
    lines += [f"{name}: {value}" for name, value in request.headers if name.lower() != "connection"]
    if request.body and "content-length" not in given:
        lines.append(f"Content-Length: {len(request.body)}")
    lines += ["Connection: close", "", ""]
    return "\r\n".join(lines).encode("latin-1") + request.body


def parse_answer(data: bytes) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of a response; raises Malformed."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ", 2)
    if len(words) < 2 or not words[0].startswith("HTTP/1.") or not words[1].isdigit():
        raise Malformed(f"no HTTP response: {first[:60]!r}")
    headers = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if "chunked" in {name.lower(): value.lower() for name, value in headers.items()}.get("transfer-encoding", ""):
        body = _joined(body)
    return int(words[1]), headers, body


def _joined(body: bytes) -> bytes:
    """Return the chunks of a body as one."""
    whole = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        try:
            length = int(size.split(b";")[0], 16)
        except ValueError as error:
            raise Malformed("a chunk without a size") from error
        if length == 0:
            break
        whole, body = whole + rest[:length], rest[length + 2 :]
    return whole
