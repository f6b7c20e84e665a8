"""The documents of these tests, and what a person who knows the products would say of them."""

from pathlib import Path

from conformance.openapi.document import Document, read_document

DOCUMENTS = Path(__file__).parent / "documents"


def document(name: str) -> Document:
    return read_document(str(DOCUMENTS / name))


#: For each document: our operation → their endpoint.
TRUTH: dict[str, dict[str, str]] = {
    "cards.yaml": {
        "accounts.open": "POST /v1/customers",
        "accounts.read": "GET /v1/customers/{customer}",
        "accounts.list": "GET /v1/customers",
        "payments.create": "POST /v1/charges",
        "payments.read": "GET /v1/charges/{charge}",
        "payments.list": "GET /v1/charges",
        "payments.refund": "POST /v1/refunds",
        "notices.subscribe": "POST /v1/webhook_endpoints",
    },
    "wallet.json": {
        "login": "POST /api/v1/login",
        "accounts.balance": "GET /api/v1/wallet",
        "payments.create": "POST /api/v1/payments",
        "payments.read": "GET /api/v1/payments/{payment_hash}",
        "payments.list": "GET /api/v1/payments",
    },
    "expenses.yaml": {
        "accounts.open": "POST /projects/{project_id}/members",
        "accounts.read": "GET /projects/{project_id}/members/{member_id}",
        "accounts.list": "GET /projects/{project_id}/members",
        "payments.create": "POST /projects/{project_id}/bills",
        "payments.read": "GET /projects/{project_id}/bills/{bill_id}",
        "payments.list": "GET /projects/{project_id}/bills",
    },
    "openbank.yaml": {
        "token": "POST https://sandbox.harbour.example.com/oauth2/token",
        "accounts.read": "GET /accounts/{AccountId}",
        "accounts.list": "GET /accounts",
        "accounts.balance": "GET /accounts/{AccountId}/balances",
        "accounts.statement": "GET /accounts/{AccountId}/transactions",
        "consents.grant": "POST /domestic-payment-consents",
        "consents.read": "GET /domestic-payment-consents/{ConsentId}",
        "consents.revoke": "DELETE /domestic-payment-consents/{ConsentId}",
        "payments.create": "POST /domestic-payments",
        "payments.read": "GET /domestic-payments/{DomesticPaymentId}",
        "notices.subscribe": "POST /event-subscriptions",
    },
}

#: For each document: our arguments of payments.create → where they go, and how money is written.
PLACED: dict[str, dict[str, str]] = {
    "cards.yaml": {
        "amount": "amount", "currency": "currency", "debtor": "customer", "reference": "description",
        "idempotency_key": "Idempotency-Key",
    },
    "wallet.json": {"amount": "amount", "debtor": "caller", "creditor": "caller"},
    "expenses.yaml": {"amount": "amount", "debtor": "payer", "creditor": "payed_for", "reference": "what"},
    "openbank.yaml": {
        "amount": "Data.Initiation.InstructedAmount.Amount",
        "currency": "Data.Initiation.InstructedAmount.Currency",
        "debtor": "Data.Initiation.DebtorAccount.Identification",
        "creditor": "Data.Initiation.CreditorAccount.Identification",
        "reference": "Data.Initiation.EndToEndIdentification",
        "idempotency_key": "x-idempotency-key",
    },
}  # fmt: skip
