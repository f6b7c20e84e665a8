"""A server that answers by script, and an owner that waits: for the tests of the reactor's connections."""

import contextlib
import socket
import threading
import time

import gevent

from conformance_load.flow import Target, now_ns
from conformance_load.reactor.endpoint import Endpoint
from conformance_load.reactor.loop import reactor
from conformance_load.reactor.secure import connection_to

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Script:
    """Answers each request on each connection with the next piece of the script; b"" closes.

    A list is sent piece by piece, with a moment in between; None never answers, and a function is called to wait.
    """

    def __init__(self, *answers, context=None, request_size=1):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.answers, self.received, self.connections = list(answers), [], 0
        self.context, self.request_size = context, request_size
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while self.answers and not self.over.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            # A client that cuts its connection resets it under our hands.
            with contextlib.suppress(OSError), connection:
                connection.settimeout(10)
                if self.context:
                    connection = self.context.wrap_socket(connection, server_side=True)
                self.talk(connection)

    def talk(self, connection):
        while self.answers and (request := self.request(connection)):
            self.received.append(request)
            answer = self.answers.pop(0)
            if answer == b"":
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                break
            for piece in answer if isinstance(answer, list) else [answer]:
                if piece is None:
                    self.over.wait(10)
                elif callable(piece):
                    piece(10)
                else:
                    connection.sendall(piece)
                    time.sleep(0.002 if isinstance(answer, list) else 0)
        connection.close()

    def request(self, connection):
        """Read ``request_size`` bytes or a little more; less when the client closes."""
        request = b""
        while len(request) < self.request_size and (piece := connection.recv(65536)):
            request += piece
        return request

    @property
    def port(self):
        return self.listener.getsockname()[1]

    def target(self, **changes):
        return Target(**{"host": "127.0.0.1", "port": self.port, "timeout_s": 5.0, "body_max": 100_000} | changes)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.answers.clear()
        self.over.set()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            pass
        self.listener.close()
        self.thread.join(5)


class Caller:
    """Owns one connection, and waits for what becomes of it."""

    def __init__(self, target):
        self.endpoint = Endpoint(reactor(), target).resolve()
        self.connection = connection_to(self.endpoint, self)
        self.events = []

    def opened(self):
        self.events.append("opened")

    def unopened(self, kind, detail):
        self.events.append(("unopened", kind, detail))

    def whole(self, head, data):
        self.events.append((head.status, data[len(head.raw) :]))

    def ended(self, reply):
        self.events.append((reply.broken, reply.detail) if reply.broken else (reply.status, reply.body))

    def cut_off(self):
        self.events.append("cut")

    def lost(self, surplus):
        self.events.append("surplus" if surplus else "lost")

    def next(self):
        """Wait for the next event."""
        limit = time.monotonic() + 20
        while not self.events:
            assert time.monotonic() < limit, "nothing happened"
            gevent.sleep(0.001)
        return self.events.pop(0)

    def open(self):
        self.connection.open()
        return self.next()

    def ask(self, request=b"POST / HTTP/1.1\r\n\r\n"):
        self.connection.send(request, now_ns())
        return self.next()

    def cut(self, request):
        self.connection.cut(request, now_ns())
        return self.next()


class Server:
    """Answers many connections at once; ``answer(number)`` returns the bytes for the n-th request, or b"" to close.

    ``after(number)`` may return what to do with the connection afterwards; ``context`` is for TLS. Counts every request
    that came in whole.
    """

    def __init__(self, answer=lambda _number: OK, *, after=lambda _number: None, port=0, context=None):
        self.answer, self.after, self.context = answer, after, context
        self.requests, self.lock = [], threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", port), backlog=500)
        self.port = self.listener.getsockname()[1]
        self.open = set()
        threading.Thread(target=self.accept, daemon=True).start()

    def target(self, **changes):
        return Target(**{"host": "127.0.0.1", "port": self.port, "timeout_s": 5.0, "body_max": 100_000} | changes)

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.open.add(connection)
                threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection):
        data = b""
        with contextlib.suppress(OSError), self.secured(connection) as connection:
            while piece := connection.recv(65536):
                data += piece
                while b"\r\n\r\n" in data:
                    request, _, data = data.partition(b"\r\n\r\n")
                    with self.lock:
                        number = len(self.requests)
                        self.requests.append(request)
                    answer = self.answer(number)
                    if not answer:
                        return
                    connection.sendall(answer)
                    if further := self.after(number):
                        further(connection)

    def secured(self, connection):
        return self.context.wrap_socket(connection, server_side=True) if self.context else connection

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
