"""Products that say payments in other ways than ours, bound by the real HTTP driver: nothing is sent."""

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from conformance.candidate.http import DRIVER
from conformance.candidate.open import bind
from conformance.model.candidate import CandidateFile
from conformance.sdk import Account, LoadContext
from conformance_load.ids import Book
from conformance_load.making import PaymentMaker

#: The mapping of each product: what differs from the neutral contract.
PRODUCTS = {
    "neutral": {},
    "decimals": {
        "operations": {
            "payments.create": {
                "method": "POST",
                "path": "/v1/from/{debtor}/transfers",
                "header": {"X-Request-Key": "{idempotency_key}"},
                "body": {
                    "to": {"account": "{creditor}"},
                    "value": {"amount": {"from": "amount", "as": "decimal-string"}, "unit": "{currency}"},
                    "note": "100% {reference}",
                },
                "result": {"id": "$.data.ref", "state": {"at": "$.data.status", "as": "state"}},
                "error": {"when": "$.code", "unless": ["OK"], "code": "$.code"},
            }
        },
        "mapping": {"states": {"DONE": "confirmed", "WAIT": "pending", "NO": "rejected"}},
    },
    "form": {
        "operations": {
            "payments.create": {
                "method": "POST",
                "path": "/pay",
                "format": "form",
                "query": {"key": "{idempotency_key}"},
                "body": {"from": "{debtor}", "to": "{creditor}", "sum": "{amount}", "ref": "{reference}"},
                "result": {"id": "$.id", "state": "accepted"},
                "error": {"when": "$.result", "is": ["FAIL"], "code": "$.result"},
            }
        },
    },
}


class Recorder:
    """Takes what a driver records; nothing is sent here."""

    check, run = "LOAD", "run"

    def record(self, sighting):
        return 1


def private_key():
    """Return a new P-256 key as PEM text."""
    made = ec.generate_private_key(ec.SECP256R1())
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def maker_of(product="neutral", *, accounts=5, user=None, book=None):
    """Return a maker of payments for a product that is never asked."""
    sections = {"base_url": "http://127.0.0.1:9", "supports": ("payments",), **PRODUCTS[product]}
    users = {"payer": {"scheme": "bearer", "token": "a-token", **(user or {})}}
    file = CandidateFile("Elsewhere", "1", users=users, **sections)
    candidate = bind(file, Recorder(), {"http": DRIVER})
    context = LoadContext(
        run="run",
        scenario="payments-create",
        candidate=candidate,
        parameters={},
        directory=None,
        progress=lambda done, total, note: None,
        record=lambda sighting: 1,
    )
    book = book or Book("run", accounts, 1000, uncovered_every=9)
    leased = [Account(f"acc/{number} {'é' * (number % 2)}", "CNY", "payer", 1) for number in range(accounts + 1)]
    return PaymentMaker(context, book, leased, "CNY")
