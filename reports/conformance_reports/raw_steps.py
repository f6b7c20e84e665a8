"""Raw exchanges that no command repeats, such as TLS handshakes: their bytes are sent again, and both answers named.

A script does what :func:`answered` does: the functions themselves are part of it.
"""

from __future__ import annotations

import inspect
import re
import shlex
from dataclasses import dataclass

#: What a raw exchange says of where it went: "TCP 127.0.0.1:8443", or "TLS …" where the bytes went through TLS.
_PLACE = re.compile(r"(TCP|TLS) \[?([^\]\s]+?)\]?:(\d+)")


def answered(data: bytes) -> str:
    """Return in a few words what came back: nothing, an HTTP status, or what TLS answered."""
    if not data:
        return "nothing"
    if data.startswith(b"HTTP/1"):
        return "HTTP " + data[9:12].decode("latin-1")
    if data[0] == 21 and len(data) >= 7:
        return f"alert {data[6]}"
    said = [words(kind, body) for kind, body in messages(data)]
    return ", ".join(filter(None, said)) or "bytes beginning with " + data[:3].hex()


def messages(data: bytes) -> list[tuple[int, bytes]]:
    """Return kind and body of the handshake messages that stand in the records of an answer, up to a damaged one."""
    text = b""
    while len(data) >= 5 and data[0] == 22 and len(data) >= (end := 5 + int.from_bytes(data[3:5], "big")):
        text, data = text + data[5:end], data[end:]
    found = []
    while len(text) >= 4 and len(text) >= (end := 4 + int.from_bytes(text[1:4], "big")):
        found.append((text[0], text[4:end]))
        text = text[end:]
    return found


def words(kind: int, body: bytes) -> str:
    """Return what a handshake message says: the choice of the server, and how large its Diffie-Hellman group is."""
    if kind == 12 and (group := int.from_bytes(body[:2], "big")) + 2 < len(body):
        return f"a group of {group} bytes"
    if kind != 2 or len(body) < 35 or len(body) < (end := 38 + body[34]):
        return ""
    listed, extensions = [], body[end + 2 :]
    while len(extensions) >= 4:
        listed.append(extensions[:2].hex())
        extensions = extensions[4 + int.from_bytes(extensions[2:4], "big") :]
    chosen = f"ServerHello {body[:2].hex()}, suite {body[end - 3 : end - 1].hex()}, compression {body[end - 1]}"
    return f"{chosen}, extensions {' '.join(listed) or 'none'}"


@dataclass(frozen=True, slots=True)
class RawStep:
    """Where the bytes went, through TLS or not, and what came back."""

    through: str
    host: str
    port: int
    recorded: str

    @classmethod
    def of(cls, start: str, answer: bytes) -> RawStep | None:
        """Read the first line of a raw exchange; None where it does not say where it went."""
        found = _PLACE.fullmatch(start)
        return cls(found[1].lower(), found[2], int(found[3]), answered(answer)) if found else None

    def line(self, file: str) -> str:
        """Return the line of a script that sends a file, already quoted, and compares the answers."""
        return f"again {shlex.quote(self.recorded)} {self.through} {shlex.quote(self.host)} {self.port} {file}"


_AGAIN = """
import socket, ssl, sys
recorded, through, host, port, file = sys.argv[1:]
data = b""
try:
    connection = socket.create_connection((host, int(port)), 10)
    if through == "tls":
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = context.wrap_socket(connection, server_hostname=host)
    connection.settimeout(10)
    connection.sendall(open(file, "rb").read())
    while len(data) < 65536 and (piece := connection.recv(4096)):
        data += piece
        connection.settimeout(1)
except TimeoutError:
    pass
except OSError as error:
    print(f"    {type(error).__name__}: {error}")
found = answered(data)
# A check may have hung up before the last message.
same = found == recorded or found.startswith(recorded + ", ")
print(f"    {found}, as recorded" if same else f"    {found}; recorded was: {recorded}")
print("    " + data[:300].hex())
sys.exit(not same)
"""


def tool() -> str:
    """Return the function of a script that sends bytes again and says what came back."""
    program = (
        "from __future__ import annotations\n"
        + "\n".join(inspect.getsource(part) for part in (answered, messages, words))
        + _AGAIN
    )
    return (
        "\nagain() { # recorded answer, tcp or tls, host, port, file\n"
        f'  python3 -c {shlex.quote(program)} "$@" || differs=1\n}}\n'
    )
