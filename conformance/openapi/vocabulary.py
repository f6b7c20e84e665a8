"""The words by which products name what the neutral contract names: things, deeds, arguments, states.

Weights are between 0 and 1: how sure a word makes us. All words are in the singular, see members.tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _all(ours: str, theirs: str) -> dict[str, str]:
    return dict.fromkeys(_words(theirs), ours)


#: What a resource may be called, and how strongly the word says so.
NOUNS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "account": {
            "account": 1.0,
            "wallet": 0.9,
            "customer": 0.6,
            "member": 0.5,
            "balance_account": 0.8,
            "vault": 0.5,
        },
        "payment": {
            "payment": 1.0,
            "charge": 0.9,
            "transfer": 0.9,
            "payout": 0.7,
            "intent": 0.6,
            "bill": 0.6,
            "expense": 0.6,
            "remittance": 0.8,
            "transaction": 0.7,
            "disbursement": 0.7,
            "pay": 0.7,
            "send": 0.5,
            "order": 0.4,
            "invoice": 0.4,
            "purchase": 0.6,
        },
        "refund": {"refund": 1.0, "reversal": 0.8, "return": 0.5, "chargeback": 0.4},
        "cancel": {"cancel": 1.0, "cancellation": 1.0, "void": 0.9, "abort": 0.7},
        "balance": {"balance": 1.0, "fund": 0.5},
        "query": {"query": 1.0, "inquiry": 0.9, "enquiry": 0.9},
        "statement": {
            "statement": 1.0,
            "transaction": 0.9,
            "entry": 0.9,
            "history": 0.8,
            "movement": 0.9,
            "activity": 0.7,
            "ledger": 0.6,
            "posting": 0.8,
            "operation": 0.5,
        },
        "card": {"card": 1.0},
        "consent": {"consent": 1.0, "mandate": 0.6, "permission": 0.5, "authorisation": 0.4, "authorization": 0.4},
        "token": {"token": 1.0},
        "revoke": {"revoke": 1.0, "revocation": 1.0},
        "login": {"login": 1.0, "signin": 0.9, "auth": 0.7, "session": 0.7, "authenticate": 0.9, "authentication": 0.8},
        "jwks": {"jwk": 1.0, "jwks": 1.0, "cert": 0.5},
        "factor": {"factor": 1.0, "mfa": 0.9, "otp": 0.9, "challenge": 0.7, "sca": 0.7},
        "confirm": {"confirm": 1.0, "verify": 0.8, "confirmation": 0.9},
        "notice": {
            "webhook": 1.0,
            "webhook_endpoint": 1.0,
            "notice": 1.0,
            "subscription": 0.8,
            "callback": 0.8,
            "hook": 0.7,
            "notification": 0.7,
        },
        "audit": {"audit": 1.0, "auditlog": 1.0, "audit_log": 1.0},
        "verify": {"verify": 1.0, "verification": 0.9},
        "freeze": {"freeze": 1.0, "block": 0.7, "suspend": 0.6, "lock": 0.6},
        "identity": {"identity": 1.0},
        "alarm": {"alarm": 1.0, "alert": 0.9},
        "statistics": {"statistics": 1.0, "statistic": 1.0, "stat": 0.9, "metric": 0.5},
        "supervisor": {"supervisor": 1.0, "regulator": 1.0, "supervision": 1.0},
        "code": {"qr": 1.0, "qrcode": 1.0, "barcode": 1.0, "code": 0.7},
        "image": {"image": 1.0, "png": 1.0, "svg": 0.6},
        "parse": {"parse": 1.0, "decode": 0.9, "scan": 0.7},
        "paycode": {"paycode": 1.0},
        "refresh": {"refresh": 1.0},
        "order": {"order": 1.0},
        "settlement": {"bill": 1.0, "settlement": 0.8, "reconciliation": 0.9},
    }
)

#: Deeds, as words of operation ids, summaries and last path segments.
VERBS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "create": _words("create make new add post send initiate start submit place charge transfer pay issue"),
        "open": _words("create open new add register"),
        "read": _words("get read retrieve fetch show find view detail lookup status check"),
        "list": _words("list all search index query get find browse"),
        "grant": _words("create grant authorise authorize give"),
        "revoke": _words("revoke delete remove withdraw cancel"),
    }
)

#: What stands above everything else in a path, for each of whom there is a user.
TENANTS = _words("project tenant merchant organization organisation org company realm user workspace")

#: Words that tell that an endpoint is about something else.
FOREIGN = _words(
    "setting config configuration plugin extension theme report export import invite template tag category comment "
    "attachment upload document dispute plan price product coupon tax country language preference rate fee quote "
    "calculate estimate preview validate batch bulk qr lnurl public sse websocket"
)


@dataclass(frozen=True, slots=True)
class Rule:
    """How an operation is recognised.

    ``asks`` says that the path's last word must tell that it only asks, as ``queryOrder`` does.
    ``shape``: collection (``/things``), item (``/things/{id}``), sub (``/owners/{id}/things``), action
    (``/things/{id}/deed``) or any. ``noun`` is what its last word names, ``within`` what comes before it.
    """

    operation: str
    methods: tuple[str, ...]
    shapes: tuple[str, ...]
    noun: str
    within: str = ""
    verb: str = ""
    takes: tuple[str, ...] = ()
    lists: bool | None = None
    asks: bool = False


RULES: tuple[Rule, ...] = (
    Rule("token", ("POST",), ("collection", "any"), "token", takes=("grant_type",)),
    Rule("revoke", ("POST",), ("collection", "any"), "revoke", within="token"),
    Rule("login", ("POST",), ("collection",), "login", takes=("username", "password")),
    Rule("jwks", ("GET",), ("collection",), "jwks"),
    Rule("factor.begin", ("POST",), ("collection",), "factor"),
    Rule("factor.confirm", ("POST",), ("action",), "confirm", within="factor", takes=("code",)),
    Rule("accounts.open", ("POST",), ("collection",), "account", verb="open"),
    Rule("accounts.read", ("GET",), ("item",), "account", verb="read", lists=False),
    Rule("accounts.list", ("GET",), ("collection",), "account", verb="list", lists=True),
    Rule("accounts.balance", ("GET",), ("sub", "collection"), "balance", within="account", lists=None),
    Rule("accounts.statement", ("GET",), ("sub",), "statement", within="account", lists=True),
    Rule("accounts.card", ("GET",), ("sub",), "card", within="account", lists=False),
    Rule("consents.grant", ("POST",), ("collection",), "consent", verb="grant"),
    Rule("consents.read", ("GET",), ("item",), "consent", verb="read", lists=False),
    Rule("consents.revoke", ("DELETE",), ("item",), "consent", verb="revoke"),
    Rule("payments.create", ("POST",), ("collection", "sub"), "payment", verb="create", takes=("amount",)),
    Rule("payments.read", ("GET",), ("item",), "payment", verb="read", lists=False),
    Rule("payments.read", ("POST",), ("collection",), "query", within="payment", takes=("payment",), lists=False),
    Rule("payments.read", ("POST",), ("collection",), "payment", asks=True, takes=("payment",), lists=False),
    Rule("payments.list", ("GET",), ("collection", "sub"), "payment", verb="list", lists=True),
    Rule("payments.cancel", ("POST", "PUT", "DELETE"), ("action",), "cancel", within="payment"),
    Rule("payments.refund", ("POST",), ("action", "sub", "collection"), "refund", within="payment", takes=("amount",)),
    Rule("notices.subscribe", ("POST",), ("collection",), "notice", verb="create", takes=("url",)),
    Rule("audit.list", ("GET",), ("collection",), "audit", lists=True),
    Rule("audit.verify", ("GET", "POST"), ("collection",), "verify", within="audit"),
    Rule("supervisor.transactions", ("GET",), ("collection",), "statement", within="supervisor", lists=True),
    Rule("supervisor.identity", ("GET",), ("item",), "identity", within="supervisor"),
    Rule("supervisor.freeze", ("POST",), ("collection", "action"), "freeze", takes=("account",)),
    Rule("supervisor.unfreeze", ("DELETE",), ("item", "action"), "freeze"),
    Rule("supervisor.alarms", ("GET",), ("collection",), "alarm", lists=True),
    Rule("supervisor.statistics", ("GET",), ("collection",), "statistics", within="supervisor"),
    Rule("codes.create", ("POST",), ("collection",), "code", verb="create"),
    Rule("codes.image", ("GET",), ("action", "sub"), "image", within="code"),
    Rule("codes.parse", ("POST",), ("collection",), "parse", within="code"),
    Rule("paycodes.issue", ("POST",), ("collection",), "paycode", verb="create"),
    Rule("paycodes.refresh", ("POST",), ("action",), "refresh", within="paycode"),
    Rule("orders.read", ("GET",), ("item",), "order", verb="read", lists=False),
    Rule("refunds.create", ("POST",), ("collection",), "refund", takes=("order",)),
)

#: Members of canonical results that are money, and those that are times.
MONEY = frozenset({"amount", "balance", "available", "refunded"})
TIMES = frozenset({"created", "opened", "at"})

#: What our operations' results are read for; the first is what the operation cannot do without.
RESULTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "login": ("session",),
        "accounts.open": ("id", "owner", "currency", "balance"),
        "accounts.read": ("id", "owner", "currency", "balance"),
        "accounts.list": ("id", "owner", "currency", "balance"),
        "accounts.balance": ("available", "currency"),
        "accounts.statement": ("id", "payment", "amount", "currency", "reference", "created"),
        "consents.grant": ("id", "state", "permissions"),
        "consents.read": ("id", "state", "permissions"),
        "payments.create": ("id", "state", "debtor", "creditor", "amount", "currency", "reference", "created"),
        "payments.read": (
            "id",
            "state",
            "debtor",
            "creditor",
            "amount",
            "currency",
            "reference",
            "refunded",
            "created",
        ),
        "payments.list": ("id", "state", "debtor", "creditor", "amount", "currency", "reference", "created"),
        "payments.cancel": ("id", "state", "amount", "currency"),
        "payments.refund": ("id", "payment", "amount", "currency", "state"),
        "notices.subscribe": ("id", "url"),
        "audit.list": ("id", "created"),
    }
)

#: Their words for our states, in lower case and without separators.
STATES: Mapping[str, str] = MappingProxyType(
    {
        **_all(
            "confirmed",
            "confirmed succeeded success successful completed complete settled paid done executed booked "
            "captured posted processed cleared finished acceptedsettlementcompleted "
            "tradesuccess tradefinished paysuccess transfersuccess refundsuccess "
            "acceptedcreditsettlementcompleted acsc accc approved",
        ),
        **_all(
            "pending",
            "pending processing inprogress created open waiting queued submitted received initiated new saved doing "
            "notpay userpaying waitbuyerpay waitpay paying dealing payeractionrequired redirectshopper "
            "scheduled requiresaction requiresconfirmation requirespaymentmethod requirescapture unpaid "
            "awaitingauthorisation pdng rcvd acceptedsettlementinprocess acsp",
        ),
        **_all("accepted", "accepted authorized authorised acceptedtechnicalvalidation actc accp authorisedpending"),
        **_all(
            "rejected",
            "rejected failed failure fail declined denied error refused expired rjct "
            "payerror payfail payfailed tradefailed",
        ),
        **_all("cancelled", "cancelled canceled voided void revoked aborted canc closed tradeclosed"),
        **_all("refunded", "refunded reversed returned chargedback refund tradereversed"),
    }
)

#: Members that hold an invoice that somebody else pays: two calls make one payment.
INVOICES = frozenset({"bolt11", "payment_request", "invoice", "pay_req", "pr"})
