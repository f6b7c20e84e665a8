"""A server that misbehaves on purpose: each connection is handed to a script of bytes and pauses."""

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Script = Callable[[socket.socket], None]

DAY = dt.timedelta(days=1)


class NastyServer:
    """Runs ``script`` for every connection, after reading the request; ``stop`` ends scripts that wait."""

    def __init__(self, script: Script, context: ssl.SSLContext | None = None) -> None:
        self._script = script
        self.context = context
        self.stopping = threading.Event()
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self.stopping.set()
        # Closing alone does not wake a thread that waits in accept.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        try:
            with peer:
                if self.context is None:
                    self._talk(peer)
                else:
                    with self.context.wrap_socket(peer, server_side=True) as secure:
                        self._talk(secure)
        except OSError:
            return

    def _talk(self, peer: socket.socket) -> None:
        if _read_request(peer):
            self._script(peer)


def _read_request(peer: socket.socket) -> bool:
    """Read a whole request; return whether there was one.

    The body too: to close a socket with unread bytes resets the connection, and the answer may be lost with it.
    """
    with peer.makefile("rb") as stream:
        if not stream.readline():
            return False
        head = list(iter(stream.readline, b"\r\n"))
        lengths = [line.split(b":")[1] for line in head if line.lower().startswith(b"content-length:")]
        stream.read(int(lengths[0]) if lengths else 0)
    return True


class Authority:
    """A root that issues certificates for 127.0.0.1 with the dates a test wants."""

    def __init__(self, directory: Path, name: str = "Test Root") -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = dt.datetime.now(dt.UTC)
        root = (
            x509.CertificateBuilder()
            .subject_name(self._name)
            .issuer_name(self._name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 10 * DAY)
            .not_valid_after(now + 10 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.path = directory / f"{name.replace(' ', '-')}.pem"
        self.path.write_bytes(root.public_bytes(serialization.Encoding.PEM))

    def context(self, host: str = "127.0.0.1", first: int = -1, last: int = 1) -> ssl.SSLContext:
        """Return a server context; ``first`` and ``last`` are days from now."""
        certificate, key = self.issue(host, first, last)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context

    def issue(self, host: str, first: int = -1, last: int = 1) -> tuple[Path, Path]:
        """Write a certificate and its key, and return their paths."""
        import ipaddress

        now = dt.datetime.now(dt.UTC)
        key = ec.generate_private_key(ec.SECP256R1())
        try:
            name: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            name = x509.DNSName(host)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]))
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + first * DAY)
            .not_valid_after(now + last * DAY)
            .add_extension(x509.SubjectAlternativeName([name]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        stem = self._directory / f"{host}-{certificate.serial_number}"
        cert_path, key_path = stem.with_suffix(".pem"), stem.with_suffix(".key")
        cert_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        key_path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return cert_path, key_path
