"""A network namespace of its own in which a TLCP server that binds every interface can reach nobody.

``python tlcp_room.py COMMAND…`` brings up the loopback interface, listens on a free port, prints it, and gives each
connection a server of its own: COMMAND with ``PORT`` replaced, since the server ends after a failed handshake. Ends
with its standard input.
"""

import fcntl
import socket
import struct
import subprocess
import sys
import threading
import time

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


def bring_up_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(control, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))


def connect(port: int, server: subprocess.Popen[bytes]) -> socket.socket:
    """Connect as soon as the server listens: it takes one connection and no more, so this is the one."""
    limit = time.monotonic() + 10
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 10)
        except ConnectionRefusedError:
            if time.monotonic() > limit or server.poll() is not None:
                raise
            time.sleep(0.005)


def pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        sink.close()


def attend(client: socket.socket, command: list[str]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen([str(port) if word == "PORT" else word for word in command], **quiet)
    try:
        with client, connect(port, server) as behind:
            forth = threading.Thread(target=pump, args=(client, behind), daemon=True)
            forth.start()
            pump(behind, client)
            forth.join(10)
    finally:
        server.kill()
        server.wait()


def main() -> None:
    bring_up_loopback()
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)

    def serve() -> None:
        while True:
            client, _ = listener.accept()
            threading.Thread(target=attend, args=(client, sys.argv[1:]), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
