"""The channel between a master and its workers: encrypted, and closed to whoever does not know the secret.

Locust's channel has no authentication of its own. Both sides derive the master's CurveZMQ keys (RFC 26/CurveZMQ) from
one secret of 32 bytes. The master's public key is never sent in the clear, and without it nobody gets a word through.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import zmq
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from locust.exception import RPCError
from locust.rpc import zmqrpc
from zmq.utils import z85

from conformance.errors import ConfigError

#: Where a load process finds the secret: in its environment, never in a file of the run.
VARIABLE = "CONFORMANCE_CREW_SECRET"
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one crew, as CurveZMQ writes them."""

    server_public: bytes
    server_secret: bytes
    client_public: bytes
    client_secret: bytes

    @classmethod
    def of(cls, secret: bytes) -> Keys:
        """Derive the keys from the crew's secret."""
        server, client = (_derived(secret, name) for name in (b"master", b"worker"))
        return cls(zmq.curve_public(server), server, zmq.curve_public(client), client)


def new_secret() -> bytes:
    """Return a new secret."""
    return secrets.token_bytes(SECRET_BYTES)


def secret_from(environment_value: str) -> bytes:
    """Return the secret that a hexadecimal text holds; raises ConfigError for anything else."""
    try:
        secret = bytes.fromhex(environment_value.strip())
    except ValueError:
        secret = b""
    if len(secret) != SECRET_BYTES:
        raise ConfigError(
            f"the crew's secret is not {SECRET_BYTES} bytes in hexadecimal",
            where=VARIABLE,
            remedy="Copy the master's crew file to the worker as it is.",
        )
    return secret


def install(keys: Keys) -> None:
    """Let every channel that Locust opens in this process from now on be one of the crew."""

    class Server(zmqrpc.Server):
        """Locust's side of a master, with our keys."""

        def __init__(self, host: str, port: int) -> None:
            zmqrpc.BaseSocket.__init__(self, zmq.ROUTER, self.ipv4_only(host, port))  # type: ignore[no-untyped-call]
            self.socket.curve_secretkey = keys.server_secret
            self.socket.curve_publickey = keys.server_public
            self.socket.curve_server = True
            try:
                self.port = self.socket.bind_to_random_port(f"tcp://{host}") if port == 0 else port
                if port:
                    self.socket.bind(f"tcp://{host}:{port}")
            except zmq.error.ZMQError as error:
                raise RPCError(f"Socket bind failure: {error}") from error

    class Client(zmqrpc.Client):
        """Locust's side of a worker, with our keys."""

        def __init__(self, host: str, port: int, identity: str) -> None:
            zmqrpc.BaseSocket.__init__(self, zmq.DEALER, self.ipv4_only(host, port))  # type: ignore[no-untyped-call]
            self.socket.setsockopt(zmq.IDENTITY, identity.encode())
            self.socket.curve_serverkey = keys.server_public
            self.socket.curve_publickey = keys.client_public
            self.socket.curve_secretkey = keys.client_secret
            self.socket.connect(f"tcp://{host}:{port}")

    # Locust takes both by name from this module whenever it opens or reopens a channel.
    vars(zmqrpc).update(Server=Server, Client=Client)


def _derived(secret: bytes, name: bytes) -> bytes:
    info = b"conformance load crew/" + name
    return z85.encode(HKDF(hashes.SHA256(), 32, salt=None, info=info).derive(secret))
