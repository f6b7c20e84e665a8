"""An allowed address that redirects inwards: who follows is found, and who never calls is not tested."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import pytest
from stub_bank import Bank, candidate_of, evidence

from conformance.sdk import Answer, Finding, NotTested, Prepared
from conformance_security.checks import callbacks


class Calling(Bank):
    """Takes subscriptions of one host, and tells it of them, or of payments, or of nothing."""

    def __init__(self, allowed: str, tells: str = "notices.subscribe", follows: bool = False) -> None:
        super().__init__()
        self.offered |= {"notices.subscribe"}
        self.allowed, self.tells, self.follows = allowed, tells, follows
        self.urls: list[str] = []

    def notices_subscribe(self, prepared: Prepared, body: dict[str, Any], sent: bytes) -> Answer:
        url = str(prepared.arguments["url"])
        if urlsplit(url).netloc != self.allowed or urlsplit(url).scheme != "http":
            return self.no(422, "forbidden-url")
        self.urls.append(url)
        self._tell("notices.subscribe")
        return self.yes({"id": "n"})

    def pay(self, prepared: Prepared, body: dict[str, Any], amount: int, sent: bytes) -> Answer:
        self._tell("payments.create")
        return super().pay(prepared, body, amount, sent)

    def _tell(self, what: str) -> None:
        for url in self.urls if what == self.tells else ():
            threading.Thread(target=self._call, args=(url,), daemon=True).start()

    def _call(self, url: str) -> None:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=2)
        try:
            connection.request("POST", urlsplit(url).path, b"{}")
            location = connection.getresponse().getheader("Location")
            if location and self.follows:
                self._call(location)
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(callbacks, "SUBSCRIBED_S", 0.4)
    monkeypatch.setattr(callbacks, "CALLED_S", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return f"127.0.0.1:{probe.getsockname()[1]}"


def called(bank: Calling) -> None:
    for waiting in callbacks.inner_addresses_are_not_called(
        candidate_of(bank, callback_hosts=[bank.allowed]), evidence()
    ):
        time.sleep(waiting.seconds)


@pytest.mark.parametrize("tells", ["notices.subscribe", "payments.create"])
def test_who_does_not_follow_passes(allowed: str, tells: str) -> None:
    called(Calling(allowed, tells))


@pytest.mark.parametrize("tells", ["notices.subscribe", "payments.create"])
def test_who_follows_is_found(allowed: str, tells: str) -> None:
    with pytest.raises(Finding, match="must not be followed"):
        called(Calling(allowed, tells, follows=True))


def test_who_never_calls_is_not_tested(allowed: str) -> None:
    with pytest.raises(NotTested, match="redirections of callbacks"):
        called(Calling(allowed, "nothing"))


def test_an_address_that_is_taken_is_not_tested(allowed: str) -> None:
    with (
        socket.create_server(("127.0.0.1", int(allowed.rpartition(":")[2]))),
        pytest.raises(NotTested, match="cannot be listened on"),
    ):
        called(Calling(allowed))
