"""Small documents in the styles of well-known payment APIs, written for these tests."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conformance.openapi.document import Document, read_document


def thing(members: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object's schema: ``name!`` is required, a text is a type, a list of texts an enum."""
    made = {name.rstrip("!"): _schema(inner) for name, inner in members.items()}
    return {"type": "object", "properties": made, "required": [name[:-1] for name in members if name.endswith("!")]}


def _schema(inner: Any) -> dict[str, Any]:
    if isinstance(inner, str):
        return {"type": inner}
    if isinstance(inner, list):
        one = inner[0]
        return {"type": "array", "items": thing(one)} if isinstance(one, dict) else {"type": "string", "enum": inner}
    return dict(inner["schema"]) if "schema" in inner else thing(inner)


def endpoint(summary: str, takes: Any = None, answers: Any = None, **further: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"summary": summary, "responses": {"200": {"description": "Done."}}, **further}
    if takes is not None:
        made["requestBody"] = {"content": {"application/json": {"schema": _schema(takes)}}}
    if answers is not None:
        made["responses"]["200"]["content"] = {"application/json": {"schema": _schema(answers)}}
    return made


def made_of(tmp_path: Path, paths: Mapping[str, Any]) -> Document:
    """Return the document with these paths, read from a file."""
    raw = {"openapi": "3.0.3", "info": {"title": "Style", "version": "1"}, "paths": paths}
    path = tmp_path / "style.json"
    path.write_text(json.dumps(raw), encoding="utf-8")
    return read_document(str(path))


def wrapped(content: Any = None, code: Any = "string", **further: Any) -> dict[str, Any]:
    """Return the members of an answer in an envelope."""
    return {"code": code, "message": "string", "requestId": "string", **further} | (
        {} if content is None else {"data": content}
    )


_TRANSFER = {
    "tradeNo": "string", "outTradeNo": "string", "tradeStatus": ["SUCCESS", "PROCESSING", "FAILED"],
    "payerAccountNo": "string", "payeeAccountNo": "string", "amount": {"value": "string", "currency": "string"},
    "remark": "string", "createTime": "string",
}  # fmt: skip
_ORDER = {
    "outTradeNo!": "string", "payerAccountNo!": "string", "payeeAccountNo!": "string",
    "amount!": {"value!": "string", "currency!": "string"}, "remark": "string",
}  # fmt: skip
_REFUND = {"refundNo": "string", "tradeNo": "string", "refundAmount": "string", "refundStatus": "string"}


def enveloped(code: Any = "string") -> dict[str, Any]:
    return {
        "/api/v1/transfers": {
            "post": endpoint("Transfer money", _ORDER, wrapped(_TRANSFER, code)),
            "get": endpoint("Query transfers", None, wrapped({"total": "integer", "list": [_TRANSFER]}, code)),
        },
        "/api/v1/transfers/{tradeNo}": {"get": endpoint("Get a transfer", None, wrapped(_TRANSFER, code))},
        "/api/v1/transfers/{tradeNo}/refunds": {
            "post": endpoint(
                "Refund a transfer", {"outRefundNo!": "string", "refundAmount!": "string"}, wrapped(_REFUND, code)
            )
        },
        "/api/v1/ping": {"get": endpoint("Ping", None, wrapped(None, code))},
    }


_WECHAT = {
    "transaction_id": "string", "out_trade_no": "string", "mchid": "string",
    "trade_state": ["SUCCESS", "REFUND", "NOTPAY", "CLOSED", "USERPAYING", "PAYERROR"],
    "amount": {"total": "integer", "payer_total": "integer", "currency": "string"},
    "payer": {"openid": "string"}, "success_time": "string",
}  # fmt: skip
_IBAN = {"iban": "string", "currency": "string"}
_MONEY = {"amount!": "string", "currency!": "string"}

#: Per style: its paths, where the arguments of payments.create go, and what its results are read from.
STYLES: dict[str, tuple[dict[str, Any], dict[str, str], dict[str, str]]] = {
    "a Chinese payment API": (
        enveloped(),
        {
            "debtor": "payerAccountNo", "creditor": "payeeAccountNo", "amount": "amount.value",
            "currency": "amount.currency", "reference": "remark", "idempotency_key": "outTradeNo",
        },
        {
            "id": "$.data.tradeNo", "state": "$.data.tradeStatus", "debtor": "$.data.payerAccountNo",
            "creditor": "$.data.payeeAccountNo", "amount": "$.data.amount.value", "reference": "$.data.remark",
            "created": "$.data.createTime",
        },
    ),
    "WeChat Pay v3": (
        {
            "/v3/pay/transactions": {
                "post": endpoint(
                    "Create a payment",
                    {
                        "mchid!": "string", "description!": "string", "out_trade_no!": "string",
                        "notify_url!": "string", "amount!": {"total!": "integer", "currency": "string"},
                        "payer!": {"openid!": "string"},
                    },
                    _WECHAT,
                )
            },
            "/v3/pay/transactions/{transaction_id}": {"get": endpoint("Query a payment", None, _WECHAT)},
        },
        {
            "debtor": "payer.openid", "creditor": "mchid", "amount": "amount.total", "currency": "amount.currency",
            "reference": "description", "idempotency_key": "out_trade_no",
        },
        {
            "id": "$.transaction_id", "state": "$.trade_state", "debtor": "$.payer.openid", "creditor": "$.mchid",
            "amount": "$.amount.total", "currency": "$.amount.currency",
        },
    ),
    "Alipay": (
        {
            "/v1/payments": {
                "post": endpoint(
                    "Create a payment",
                    {
                        "out_trade_no!": "string", "total_amount!": "string", "subject!": "string",
                        "buyer_id": "string", "seller_id": "string", "trans_currency": "string",
                    },
                    {
                        "trade_no": "string", "out_trade_no": "string", "trade_status": ["WAIT_BUYER_PAY",
                        "TRADE_SUCCESS", "TRADE_FINISHED", "TRADE_CLOSED"], "total_amount": "string",
                        "buyer_user_id": "string", "seller_id": "string", "gmt_create": "string",
                    },
                )
            }
        },
        {
            "debtor": "buyer_id", "creditor": "seller_id", "amount": "total_amount", "currency": "trans_currency",
            "reference": "subject", "idempotency_key": "out_trade_no",
        },
        {
            "id": "$.trade_no", "state": "$.trade_status", "amount": "$.total_amount", "debtor": "$.buyer_user_id",
            "creditor": "$.seller_id", "created": "$.gmt_create",
        },
    ),
    "UnionPay": (
        {
            "/gateway/transactions": {
                "post": endpoint(
                    "Submit a transaction",
                    {
                        "merId!": "string", "merOrderNo": "string", "txnTime!": "string", "accNo": "string",
                        "txnAmt!": "string", "currencyCode!": "string", "requestNo!": "string",
                    },
                    {"paymentId": "string", "payStatus": "string", "txnAmt": "string", "currencyCode": "string",
                     "txnTime": "string", "accNo": "string", "merId": "string"},
                )
            }
        },
        {
            "debtor": "accNo", "creditor": "merId", "amount": "txnAmt", "currency": "currencyCode",
            "idempotency_key": "requestNo",
        },
        {
            "id": "$.paymentId", "state": "$.payStatus", "amount": "$.txnAmt", "currency": "$.currencyCode",
            "created": "$.txnTime", "debtor": "$.accNo", "creditor": "$.merId",
        },
    ),
    "Stripe": (
        {
            "/v1/transfers": {
                "post": endpoint(
                    "Create a transfer",
                    {"amount!": "integer", "currency!": "string", "source_account": "string",
                     "destination!": "string", "description": "string"},
                    {"id!": "string", "object": "string", "amount": "integer", "currency": "string",
                     "created": "integer", "destination": "string", "status": "string", "metadata": {"id": "string"}},
                    parameters=[{"name": "Idempotency-Key", "in": "header", "schema": {"type": "string"}}],
                )
            }
        },
        {
            "debtor": "source_account", "creditor": "destination", "amount": "amount", "currency": "currency",
            "reference": "description", "idempotency_key": "Idempotency-Key",
        },
        {"id": "$.id", "state": "$.status", "amount": "$.amount", "creditor": "$.destination", "created": "$.created"},
    ),
    "Adyen": (
        {
            "/payments": {
                "post": endpoint(
                    "Start a payment",
                    {
                        "amount!": {"value!": "integer", "currency!": "string"}, "merchantAccount!": "string",
                        "reference!": "string", "shopperReference": "string",
                    },
                    {
                        "pspReference": "string", "resultCode": ["Authorised", "Refused", "Pending", "Cancelled"],
                        "amount": {"value": "integer", "currency": "string"}, "merchantReference": "string",
                    },
                    parameters=[{"name": "Idempotency-Key", "in": "header", "schema": {"type": "string"}}],
                )
            }
        },
        {
            "debtor": "shopperReference", "creditor": "merchantAccount", "amount": "amount.value",
            "currency": "amount.currency", "reference": "reference", "idempotency_key": "Idempotency-Key",
        },
        {
            "id": "$.pspReference", "state": "$.resultCode", "amount": "$.amount.value",
            "currency": "$.amount.currency", "reference": "$.merchantReference",
        },
    ),
    "PayPal": (
        {
            "/v1/payments": {
                "post": endpoint(
                    "Create a payment",
                    {
                        "amount!": {"value!": "string", "currency_code!": "string"},
                        "payer": {"payer_id": "string"}, "payee": {"merchant_id": "string", "email_address": "string"},
                        "custom_id": "string", "note": "string",
                    },
                    {
                        "id": "string", "status": ["CREATED", "COMPLETED", "VOIDED", "PAYER_ACTION_REQUIRED"],
                        "amount": {"value": "string", "currency_code": "string"}, "create_time": "string",
                        "payer": {"payer_id": "string", "name": {"given_name": "string"}},
                        "payee": {"merchant_id": "string"}, "note": "string",
                    },
                    parameters=[{"name": "PayPal-Request-Id", "in": "header", "schema": {"type": "string"}}],
                )
            }
        },
        {
            "debtor": "payer.payer_id", "creditor": "payee.merchant_id", "amount": "amount.value",
            "currency": "amount.currency_code", "reference": "note", "idempotency_key": "PayPal-Request-Id",
        },
        {
            "id": "$.id", "state": "$.status", "amount": "$.amount.value", "currency": "$.amount.currency_code",
            "debtor": "$.payer.payer_id", "creditor": "$.payee.merchant_id", "created": "$.create_time",
        },
    ),
    "Berlin Group": (
        {
            "/v1/payments/sepa-credit-transfers": {
                "post": endpoint(
                    "Initiate a payment",
                    {
                        "endToEndIdentification": "string", "debtorAccount!": _IBAN, "instructedAmount!": _MONEY,
                        "creditorAccount!": {"bban": "string", "currency": "string"}, "creditorName!": "string",
                        "remittanceInformationUnstructured": "string",
                    },
                    {"transactionStatus": ["RCVD", "ACTC", "ACSC", "RJCT"], "paymentId": "string",
                     "instructedAmount": _MONEY, "debtorAccount": _IBAN, "creditorAccount": {"bban": "string"}},
                    parameters=[{"name": "X-Request-ID", "in": "header", "schema": {"type": "string"}}],
                )
            }
        },
        {
            "debtor": "debtorAccount.iban", "creditor": "creditorAccount.bban", "amount": "instructedAmount.amount",
            "currency": "instructedAmount.currency", "idempotency_key": "X-Request-ID",
            "reference": "endToEndIdentification",
        },
        {
            "id": "$.paymentId", "state": "$.transactionStatus", "debtor": "$.debtorAccount.iban",
            "creditor": "$.creditorAccount.bban", "amount": "$.instructedAmount.amount",
        },
    ),
}  # fmt: skip
