"""Small products of the kinds that the guide's sketches bind; each keeps books, so that money can be counted."""

import base64
import itertools
import json
from typing import Any

from candidate_product import Request


class Wallets:
    """A wallet service: an operator logs in; each wallet has a key; an invoice, then its payment; refusals are 520."""

    def __init__(self) -> None:
        self.numbers = itertools.count(1)
        self.keys: dict[str, str] = {}
        self.msat: dict[str, int] = {}
        self.invoices: dict[str, dict[str, Any]] = {}

    def open(self, name: str) -> dict[str, Any]:
        wallet = f"wallet-{name}-{next(self.numbers)}"
        key = f"key-of-{wallet}-0123456789"
        self.keys[key] = wallet
        self.msat[wallet] = 0
        return {"id": wallet, "adminkey": key}

    def answer(self, request: Request) -> Any:
        route = (request.method, request.path.partition("?")[0])
        if route == ("POST", "/api/v1/auth"):
            good = request.json == {"username": "admin", "password": "operator-password"}
            return {"access_token": "operator-token-0123456789"} if good else (401, {}, {"detail": "no"})
        if request.headers.get("Authorization") == "Bearer operator-token-0123456789":
            return self.operate(route, request)
        wallet = self.keys.get(request.headers.get("X-Api-Key", ""))
        if wallet is None:
            return 401, {}, {"detail": "which key?"}
        return self.serve(route, wallet, request)

    def operate(self, route: tuple[str, str], request: Request) -> Any:
        if route == ("POST", "/api/v1/wallet"):
            return self.open(request.json["name"])
        if route == ("PUT", "/users/api/v1/balance"):
            self.msat[request.json["id"]] += request.json["amount"] * 1000
            return {"status": "Success"}
        return 404, {}, {"detail": "nothing here"}

    def serve(self, route: tuple[str, str], wallet: str, request: Request) -> Any:
        if route == ("GET", "/api/v1/wallet"):
            return {"name": wallet, "balance": self.msat[wallet]}
        if route == ("POST", "/api/v1/payments"):
            return self.pay(wallet, request.json) if request.json["out"] else self.draw(wallet, request.json)
        found = self.invoices.get(route[1].rpartition("/")[2])
        if route[0] == "GET" and found and wallet in (found["payee"], found["payer"]):
            return {"paid": found["payer"] is not None, "details": {"amount": found["sat"] * 1000}}
        return 404, {}, {"detail": "Payment does not exist."}

    def draw(self, wallet: str, body: dict[str, Any]) -> Any:
        if not isinstance(body["amount"], int) or body["amount"] <= 0:
            return 520, {}, {"detail": "Amount must be positive"}
        number = f"hash{next(self.numbers)}"
        self.invoices[number] = {"payee": wallet, "payer": None, "sat": body["amount"]}
        return 201, {}, {"payment_hash": number, "payment_request": f"lnbc-{number}"}

    def pay(self, wallet: str, body: dict[str, Any]) -> Any:
        number = str(body["bolt11"]).removeprefix("lnbc-")
        invoice = self.invoices[number]
        if invoice["payer"]:
            return 520, {}, {"detail": "Invoice already paid."}
        if self.msat[wallet] < invoice["sat"] * 1000:
            return 520, {}, {"detail": "Insufficient balance."}
        self.msat[wallet] -= invoice["sat"] * 1000
        self.msat[invoice["payee"]] += invoice["sat"] * 1000
        invoice["payer"] = wallet
        return 201, {}, {"payment_hash": number}


class Purses:
    """An expense service: basic authentication for each project, forms in, decimals out as numbers, bare ids."""

    def __init__(self) -> None:
        self.passwords = {"household": "household-password", "holiday": "holiday-password"}
        self.members: dict[str, list[str]] = {name: [] for name in self.passwords}
        self.bills: dict[str, dict[int, dict[str, Any]]] = {name: {} for name in self.passwords}

    def answer(self, request: Request) -> Any:
        given = request.headers.get("Authorization", "").removeprefix("Basic ")
        name, _, password = base64.b64decode(given).decode().partition(":")
        parts = request.path.strip("/").split("/")
        project = parts[2]
        if name != project or self.passwords.get(name) != password:
            return 401, {"WWW-Authenticate": "Basic"}, {"error": "wrong project or password"}
        if parts[3:] == ["statistics"]:
            return [self.member(project, number) for number in range(1, len(self.members[project]) + 1)]
        if parts[3:] == ["members"]:
            if request.body.decode() in self.members[project]:
                return 400, {}, {"name": ["This project already have this participant"]}
            self.members[project].append(request.body.decode())
            return 201, {}, json.dumps(len(self.members[project])).encode()
        if request.method == "POST":
            return self.add(project, request.json)
        if parts[4:]:
            bill = self.bills[project].get(int(parts[4])) if parts[4].isdigit() else None
            return bill or (404, {}, {"error": "no such bill"})
        return list(self.bills[project].values())

    def member(self, project: str, number: int) -> dict[str, Any]:
        bills = self.bills[project].values()
        paid = sum(bill["amount"] for bill in bills if bill["payer"] == str(number))
        owed = sum(bill["amount"] for bill in bills if bill["payed_for"] == [str(number)])
        return {"member": {"id": number}, "balance": paid - owed}

    def add(self, project: str, bill: dict[str, Any]) -> Any:
        if not isinstance(bill.get("amount"), int | float):
            return 400, {}, {"amount": ["not a number"]}
        number = len(self.bills[project]) + 1
        self.bills[project][number] = {"id": number, "original_currency": "EUR", **bill}
        return 201, {}, json.dumps(number).encode()


class Ledger:
    """A ledger by JSON-RPC: one path, the key in the body, refusals in a 200; its caller names a new account."""

    def __init__(self) -> None:
        self.keys: dict[str, str] = {}
        self.owners: dict[str, str] = {}
        self.cents: dict[str, int] = {}
        self.paid: dict[str, int] = {}

    def answer(self, request: Request) -> Any:
        asked = request.json
        who = self.keys.get(asked["params"].get("k", ""))
        method = getattr(self, f"do_{asked['method']}", None)
        said = method(who, asked["params"]) if who and method else {"error": {"code": -32000, "data": "which-key"}}
        return {"jsonrpc": "2.0", "id": asked["id"], **said}

    def do_open(self, who: str, params: Any) -> dict[str, Any]:
        self.owners[params["name"]] = who
        self.cents[params["name"]] = params["sum"]
        return {"result": None}

    def do_accounts(self, who: str, params: Any) -> dict[str, Any]:
        return {"result": [{"name": name} for name, owner in self.owners.items() if owner == who]}

    def do_balance(self, who: str, params: Any) -> dict[str, Any]:
        name = params["name"]
        return {"result": self.cents[name]} if self.owners.get(name) == who else {"error": {"code": -32602}}

    def do_pay(self, who: str, params: Any) -> dict[str, Any]:
        if self.owners.get(params["from"]) != who or self.cents[params["from"]] < params["sum"]:
            return {"error": {"code": -32602, "data": "cannot-pay"}}
        if params["key"] not in self.paid:
            self.cents[params["from"]] -= params["sum"]
            self.cents[params["to"]] += params["sum"]
        return {"result": {"number": self.paid.setdefault(params["key"], len(self.paid) + 1)}}
