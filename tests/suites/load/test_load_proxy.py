"""The proxy that cuts connections: bytes pass as they are, cuts are resets and counted, and it goes nowhere else."""

import contextlib
import socket
import ssl
import subprocess
import threading

import pytest

from conformance.errors import ConfigError, HarnessError
from conformance.reference.issuing import SERVER, Authority, Order, pem
from conformance.sdk import CandidateFile
from conformance_load.flow import Target
from conformance_load.resets import ResetProxy

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n" + b"x" * 20
REQUEST = b"POST /payments HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"


class Product:
    """Answers every request of :data:`REQUEST`'s length on every connection, over TLS if a context is given."""

    def __init__(self, context=None, answer=ANSWER):
        self.context = context
        self.answer = answer
        self.requests = 0
        self.resets = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            with connection:
                while connection.recv(len(REQUEST), *(() if self.context else (socket.MSG_WAITALL,))):
                    self.requests += 1
                    connection.sendall(self.answer)
        except ConnectionResetError:
            self.resets += 1
        except OSError:
            pass

    def close(self):
        self._listener.close()


@pytest.fixture
def product():
    made = Product()
    yield made
    made.close()


def proxy_for(product, *, every=1, seed=1, tls=None):
    file = CandidateFile("Bank", "1", f"http://127.0.0.1:{product.port}")
    return ResetProxy(file, Target("127.0.0.1", product.port, 5.0, 1 << 20, tls), every=every, seed=seed)


def connect(proxy):
    return socket.create_connection(proxy.address, timeout=10)


def receive(connection, size):
    """Receive exactly ``size`` bytes, or what came before the end."""
    found = b""
    while len(found) < size and (piece := connection.recv(size - len(found))):
        found += piece
    return found


def exchange(proxy):
    """Send one request on a connection of its own; return what came, and whether it was reset."""
    with connect(proxy) as connection:
        try:
            connection.sendall(REQUEST)
            return receive(connection, len(ANSWER)), False
        except ConnectionResetError:
            return b"", True


def settled(proxy):
    """Switch cutting on and wait until the proxy has heard it."""
    proxy.cut(True)
    for _ in range(1000):
        if exchange(proxy)[1]:
            return
    raise AssertionError("nothing was cut")


def test_bytes_pass_as_they_are_as_long_as_nothing_is_cut(product):
    with proxy_for(product) as proxy, connect(proxy) as connection:
        for _ in range(50):
            connection.sendall(REQUEST)
            assert receive(connection, len(ANSWER)) == ANSWER
    assert product.requests == 50
    assert proxy.counts == {"connections": 1, "exchanges": 0, "before": 0, "after": 0, "middle": 0}


def test_large_answers_to_a_slow_reader_pass_whole():
    product = Product(answer=bytes(range(256)) * 8192)  # 2 MiB
    with proxy_for(product) as proxy, connect(proxy) as connection:
        connection.sendall(REQUEST)
        assert receive(connection, len(product.answer)) == product.answer
    product.close()


def test_ends_pass_too(product):
    with proxy_for(product) as proxy, connect(proxy) as connection:
        connection.sendall(REQUEST)
        connection.shutdown(socket.SHUT_WR)
        assert receive(connection, len(ANSWER) + 1) == ANSWER


def test_every_cut_is_a_reset_of_one_of_three_kinds_and_is_counted(product):
    with proxy_for(product, every=2) as proxy:
        settled(proxy)
        cut = sum(exchange(proxy)[0] != ANSWER for _ in range(200))
    counts = proxy.counts
    ways = [counts[way] for way in ("before", "after", "middle")]
    assert min(ways) > 10
    assert cut <= sum(ways)
    assert 60 < cut < 140
    # What was cut before it got there was never seen; everything else was.
    assert product.requests <= counts["connections"] - counts["before"]
    assert counts["exchanges"] >= 201


def test_the_same_seed_cuts_the_same_exchanges(product):
    plans = []
    for seed in (7, 7, 8):
        with proxy_for(product, every=3, seed=seed) as proxy:
            settled(proxy)
            plans.append([exchange(proxy)[0] == ANSWER for _ in range(60)])
    # The first cut ends the settling, whatever came before it, so that what follows depends on the seed alone.
    assert plans[0] == plans[1] != plans[2]


def test_switched_off_nothing_is_cut_any_more(product):
    with proxy_for(product) as proxy:
        settled(proxy)
        proxy.cut(False)
        while exchange(proxy)[0] != ANSWER:
            pass
        assert all(exchange(proxy)[0] == ANSWER for _ in range(20))


def test_tls_stays_end_to_end_and_handshakes_are_spared(tmp_path):
    root = Authority("Root")
    (tmp_path / "server.pem").write_bytes(root.issue(Order("localhost", SERVER, ("127.0.0.1",))).pem())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    trusting = ssl.create_default_context(cadata=pem(root.certificate).decode())
    product = Product(context)
    answered = cut = 0
    with proxy_for(product, every=3, tls=trusting) as proxy:
        proxy.cut(True)
        for _ in range(60):
            with trusting.wrap_socket(connect(proxy), server_hostname="127.0.0.1") as connection:
                with contextlib.suppress(ConnectionResetError, ssl.SSLError):
                    for _ in range(4):
                        connection.sendall(REQUEST)
                        if receive(connection, len(ANSWER)) != ANSWER:
                            break
                        answered += 1
                    else:
                        continue
                cut += 1
    assert cut == sum(proxy.counts[way] for way in ("before", "after", "middle")) > 5
    assert answered > 60
    product.close()


def test_a_product_that_refuses_is_a_reset():
    nobody = socket.socket()
    nobody.bind(("127.0.0.1", 0))  # and does not listen
    target = Target("127.0.0.1", nobody.getsockname()[1], 5.0, 1024)
    file = CandidateFile("Bank", "1", f"http://{target.host}:{target.port}")
    with ResetProxy(file, target, every=1, seed=1) as proxy, nobody:
        for _ in range(100):
            with pytest.raises(ConnectionResetError), connect(proxy) as connection:
                connection.recv(1)
    assert proxy.counts["connections"] == 100


def test_it_stands_before_nothing_but_the_candidate(product):
    file = CandidateFile("Bank", "1", "http://127.0.0.1:1", endpoints={"node": "https://127.0.0.1:2"})
    for host, port in (("127.0.0.1", product.port), ("127.0.0.2", 1)):
        with pytest.raises(ConfigError, match="is not an address of the candidate"):
            ResetProxy(file, Target(host, port, 5.0, 1024), every=1, seed=1)
    ResetProxy(file, Target("127.0.0.1", 2, 5.0, 1024), every=1, seed=1)


def test_a_proxy_that_is_gone_is_an_error_of_the_harness(product):
    proxy = proxy_for(product)
    with pytest.raises(HarnessError, match="not running"):
        proxy.cut(True)
    with proxy:
        assert isinstance(proxy._child, subprocess.Popen)
        proxy._child.kill()
        proxy._child.wait()
        with pytest.raises(HarnessError, match="is gone"):
            proxy.cut(True)
    assert proxy.counts == {}
