"""One reference bank for all tests of this directory, emptied before each, and a small client of its own."""

from __future__ import annotations

import base64
import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from content_digest import digest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from conformance.reference.process import ReferenceProcess


class Client:
    """Speaks the neutral HTTP form to the bank, written apart from the harness's own driver."""

    def __init__(self, process: ReferenceProcess) -> None:
        self.process = process
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = str(process.candidate_path.parent / "ca.pem")
        self.secrets = process.environment
        self._tokens: dict[str, str] = {}
        self._numbers = itertools.count()

    def secret(self, user: str, what: str = "SECRET") -> str:
        return self.secrets[f"CONFORMANCE_DEMO_{user.upper()}_{what}"]

    def grant(self, user: str = "alice", **form: str) -> requests.Response:
        fields = {"grant_type": "client_credentials", "client_id": user, "client_secret": self.secret(user)}
        return self.raw("POST", "/token", data={**fields, **form})

    def token(self, user: str) -> str:
        if user not in self._tokens:
            self._tokens[user] = str(self.grant(user).json()["access_token"])
        return self._tokens[user]

    def raw(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.session.request(method, self.process.base_url + path, timeout=10, allow_redirects=False, **options)

    def ask(self, method: str, path: str, user: str | None = "alice", **options: Any) -> requests.Response:
        headers = dict(options.pop("headers", {}))
        if user is not None:
            headers.setdefault("Authorization", f"Bearer {self.token(user)}")
        return self.raw(method, path, headers=headers, **options)

    def unique(self, prefix: str = "key") -> str:
        return f"{prefix}-{next(self._numbers)}"

    def account(self, owner: str = "alice", balance: int = 0, currency: str = "CNY") -> str:
        body = {"owner": owner, "currency": currency, "balance": balance}
        answer = self.ask("POST", "/accounts", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def order(self, debtor: str, creditor: str, amount: Any = 100, **members: Any) -> dict[str, Any]:
        return {"debtor": debtor, "creditor": creditor, "amount": amount, "currency": "CNY", **members}

    def pay(
        self, debtor: str, creditor: str, amount: Any = 100, *, user: str = "alice", key: str = "", **members: Any
    ) -> requests.Response:
        headers = {"Idempotency-Key": key or self.unique()}
        return self.ask(
            "POST", "/payments", user, json=self.order(debtor, creditor, amount, **members), headers=headers
        )

    def pay_bytes(self, body: bytes, **headers: str) -> requests.Response:
        wanted = {"Idempotency-Key": self.unique(), "Content-Type": "application/json", **headers}
        return self.ask("POST", "/payments", data=body, headers={k.replace("_", "-"): v for k, v in wanted.items()})

    def refund(self, payment: str, amount: int, user: str = "alice") -> requests.Response:
        headers = {"Idempotency-Key": self.unique()}
        return self.ask("POST", f"/payments/{payment}/refunds", user, json={"amount": amount}, headers=headers)

    def balance(self, account: str, user: str = "alice") -> int:
        return int(self.ask("GET", f"/accounts/{account}/balance", user).json()["available"])

    def pair(self, balance: int = 1000) -> tuple[str, str]:
        return self.account("alice", balance), self.account("alice", 0)

    def bearing(self, token: str) -> int:
        return self.raw("GET", "/accounts", headers={"Authorization": f"Bearer {token}"}).status_code

    def forged(self, user: str = "alice", **arguments: Any) -> str:
        return str(self.process.hook("inject", kind="token", user=user, **arguments)["access_token"])

    def signed(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        key: str = "signer-ed25519",
        pem: str = "",
        created: int | None = None,
        nonce: str = "",
        send: dict[str, Any] | None = None,
        covers: tuple[str, ...] = ("@method", "@target-uri", "authorization", "content-digest"),
        extra: str = "",
        drop: tuple[str, ...] = (),
        bearer: str = "",
    ) -> requests.Response:
        """Sign a request of ``signer`` and send it; ``send`` replaces body, headers, path or method after signing."""
        data = json.dumps(body).encode() if body is not None else b""
        headers = {"authorization": f"Bearer {bearer or self.token('signer')}", "content-digest": digest(data)}
        headers |= {"content-type": "application/json", "idempotency-key": self.unique()}
        values = {"@method": method, "@target-uri": self.process.base_url + path, **headers}
        listed = " ".join(f'"{name}"' for name in covers)
        moment = int(time.time()) if created is None else created
        parameters = f'({listed});created={moment};keyid="{key}";nonce="{nonce or self.unique("nonce")}"{extra}'
        lines = [f'"{name}": {values[name]}' for name in covers] + [f'"@signature-params": {parameters}']
        private: Any = load_pem_private_key((pem or self.secret("signer", "ED25519_KEY")).encode(), None)
        value = base64.b64encode(private.sign("\n".join(lines).encode())).decode()
        headers |= {"signature-input": f"sig1={parameters}", "signature": f"sig1=:{value}:"}
        changed = send or {}
        headers |= changed.get("headers", {})
        for name in drop:
            headers.pop(name, None)
        return self.raw(
            changed.get("method", method), changed.get("path", path), data=changed.get("body", data), headers=headers
        )


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    directory: Path = tmp_path_factory.mktemp("reference")
    with ReferenceProcess(directory, only_plugins=["none"]) as process:
        client = Client(process)
        yield client
        client.session.close()


@pytest.fixture
def bank(running: Client) -> Client:
    """The bank, empty and sound."""
    running.process.reset()
    return running
