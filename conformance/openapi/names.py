"""The names that products give to our arguments and to members of our results, and which of them a name stands for.

Names are in snake case, see :func:`name_of`; the best come first. What a name is read for matters: ``total_amount``
is the amount of a payment, and never that of a refund.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from conformance.openapi.members import Member
from conformance.openapi.vocabulary import MONEY, TIMES


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


#: The number that the client gives a payment itself: sent again, it means the same payment. A path never asks by it.
CLIENT_NUMBERS = _names(
    """out_trade_no merchant_order_no mch_order_no merchant_trade_no merchant_order_id out_order_no out_biz_no
    mch_trade_no merchant_trans_id out_transaction_no merchant_payment_id client_order_id client_order_no
    client_reference_id client_transaction_id request_no request_serial_no out_request_no out_refund_no
    merchant_refund_no mch_refund_no out_refund_id instruction_identification"""
)

#: Names of the debtor's and creditor's accounts inside an object that is called after one of them.
IDENTIFIERS = frozenset(
    _names(
        """id iban bban identification account_id number account account_number account_no acct_no acc_no card_no
        user_id open_id openid payer_id merchant_id mch_id mchid wallet_id email email_address address"""
    )
)

ARGUMENTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "amount": _names(
            """amount amt total total_amount pay_amount trade_amount trans_amount transaction_amount transfer_amount
            order_amount payment_amount txn_amount txn_amt trans_amt pay_amt order_amt total_fee instructed_amount
            sum cents sats satoshi price value"""
        ),
        "currency": _names(
            """currency currency_code ccy iso_currency trans_currency txn_currency pay_currency fee_type unit asset
            original_currency"""
        ),
        "debtor": _names(
            """debtor debtor_account payer payer_account payer_id from from_account source source_account sender
            customer debit_account from_wallet wallet source_wallet account origin payer_acct payer_acc
            payer_user_id payer_wallet payer_card sender_account out_account remitter remitter_account buyer
            buyer_id buyer_user_id ordering_account acc acct shopper_reference from_user"""
        ),
        "creditor": _names(
            """creditor creditor_account payee payee_account to to_account destination destination_account recipient
            beneficiary receiver credit_account to_wallet payed_for paid_for target merchant payee_acct payee_acc
            payee_id payee_user_id payee_wallet payee_card payee_info recipient_account receiver_account
            beneficiary_account in_account seller seller_id merchant_account merchant_id mer_id mch_id mchid
            sub_mchid sub_mch_id to_user counterparty counterparty_account"""
        ),
        "reference": (
            *_names(
                """reference description memo remark remarks note narrative message remittance_information
                end_to_end_identification statement_descriptor what label comment purpose postscript trans_memo
                remittance_information_unstructured unstructured order_desc goods_desc trade_desc subject
                merchant_reference custom_id"""
            ),
            *CLIENT_NUMBERS,
        ),
        "idempotency_key": (
            *_names(
                """idempotency_key x_idempotency_key request_id client_request_id x_request_id idempotence_key
                idempotent_key pay_pal_request_id paypal_request_id merchant_request_id"""
            ),
            *CLIENT_NUMBERS,
        ),
        "owner": _names(
            """owner owner_id owner_name holder account_holder holder_name account_holder_name account_name name
            customer customer_name user user_name description label"""
        ),
        "balance": ("balance", "opening_balance", "initial_balance", "initial_deposit", "initial_amount"),
        "account": _names(
            "account account_id account_number iban customer wallet wallet_id member acct acct_no acc_no account_code"
        ),
        "payment": _names(
            """payment payment_id charge charge_id transaction transaction_id transfer transfer_id payment_intent
            original_payment payment_hash trade_no payment_no transfer_no order_no order_id trade trade_id
            orig_trade_no original_trade_no orig_payment_id original_reference payment_psp_reference capture_id"""
        ),
        "username": ("username", "user", "login", "email", "user_name"),
        "password": ("password", "passwd", "secret", "pin"),
        "url": ("url", "callback_url", "endpoint", "target_url", "webhook_url", "uri", "notify_url"),
        "permissions": ("permissions", "scopes", "scope", "access"),
        "expires_in": ("expires_in", "ttl", "valid_for"),
        "consent": ("consent_id", "consent", "x_consent_id"),
        "cursor": _names(
            """cursor after starting_after page_token next_token offset skip page page_number page_num page_index start
            from_id continuation"""
        ),
        "limit": ("limit", "page_size", "per_page", "size", "take", "count", "max_results", "first"),
        "id": ("id", "uuid", "uid", "reference_id", "resource_id"),
        "state": _names(
            """status state payment_status transaction_status trade_status trade_state order_status order_state
            pay_status pay_state payment_state transfer_status transfer_state trans_status txn_status
            transaction_state bill_status paid settled completed pending result_code"""
        ),
        "created": _names(
            """created created_at create_time created_time gmt_create creation_date_time creation_date create_at
            create_date created_date date_created creation_time timestamp time trade_time trans_time
            transaction_time txn_time order_time booking_date_time date booking_date"""
        ),
        "refunded": _names(
            "refunded amount_refunded refunded_amount total_refunded refunded_total total_refunded_amount refunded_fee"
        ),
        "available": (
            *("available", "available_balance", "balance", "current", "available_amount", "account_balance"),
            *("amount", "value"),
        ),
        "session": ("session", "access_token", "token", "session_token", "auth_token", "jwt", "id_token"),
        "code": ("code", "otp", "passcode"),
        "order": ("order", "order_id", "merchant_order", "order_number"),
        "grant_type": ("grant_type",),
    }
)

_REFUND_AMOUNT = _names(
    "refund_amount refund_fee refund_amt refund return_amount amount amt sum cents sats satoshi value refund_total"
)
_REFUND_STATE = ("refund_status", "refund_state", "status", "state", "result_code")

#: Where an operation calls things otherwise than the rest.
_OWN_NAMES: Mapping[tuple[str, str], tuple[str, ...]] = MappingProxyType(
    {
        (operation, argument): names
        for operation in ("payments.refund", "refunds.create")
        for argument, names in (("amount", _REFUND_AMOUNT), ("state", _REFUND_STATE))
    }
)


def name_of(member: Member) -> str:
    """Return a member's name in snake case, plural as it stands."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", member.name)
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")


def names_for(argument: str, operation: str = "") -> tuple[str, ...]:
    """Return what an argument, or a member of a result, may be called; its own name is the best."""
    own = _OWN_NAMES.get((operation, argument))
    return own or (argument, *ARGUMENTS.get(argument, ()))


def without_suffix(name: str) -> str:
    """Return a name without the word that only says that it identifies: payer_account_no is the payer_account."""
    return re.sub(r"_(id|number|no|code|ref)$", "", re.sub(r"^x_", "", name))


def forms_of(name: str, argument: str) -> tuple[str, ...]:
    """Return the forms in which a name may be known: a number that identifies a refund is no amount of it."""
    return (name,) if argument in MONEY | TIMES | {"state"} else (name, without_suffix(name))


def argument_for(member: Member, left: list[str], operation: str = "") -> str:
    """Return the argument that a member's name stands for, among those not placed yet; "" where none does."""
    name = name_of(member)
    ranked = []
    for argument in left:
        known = names_for(argument, operation)
        for form in forms_of(name, argument):
            if form in known:
                ranked.append((known.index(form), left.index(argument), argument))
    return min(ranked)[2] if ranked else ""


def find_member(given: list[Member], argument: str, operation: str = "") -> Member | None:
    """Return the first member that is called as the argument may be called."""
    for name in names_for(argument, operation):
        for item in given:
            called = name_of(item)
            if called == name or (called == f"{name}_id" and argument not in MONEY):
                return item
    return None


def party_of(path: tuple[str, ...], argument: str) -> bool:
    """Tell whether a member identifies the debtor or creditor because an object around it is called after them."""
    if argument not in ("debtor", "creditor") or name_of(Member(path, {})) not in IDENTIFIERS:
        return False
    outer = [part for part in path[:-1] if part != "[]"]
    return any(argument_for(Member((part,), {}), ["debtor", "creditor"]) == argument for part in outer[-2:])
