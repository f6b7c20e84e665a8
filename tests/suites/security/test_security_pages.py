"""A page size is judged only where there is more to show than a page may hold."""

from __future__ import annotations

from typing import Any

import pytest
from stub_bank import BUSY, CRASH, PARAMS, Bank, candidate_of, evidence

from conformance.sdk import Answer, Finding, Inconclusive, NotTested, Prepared
from conformance.sdk.load import WireRequest
from conformance_security.checks import pages

OFFERED = frozenset({"accounts.open", "accounts.balance", "payments.create", "accounts.statement"})


class Paging(Bank):
    """A bank with statements; ``default`` items when nobody says, ``cap`` at most; ``low``: what limits below 1 give.

    ``low`` None: they are refused. ``high`` None: too large ones are capped; "refused", "broken", "busy" otherwise.
    """

    def __init__(
        self, default: int = 50, cap: int = 200, low: int | None = None, high: str = "", naming: bool = True
    ) -> None:
        super().__init__(offered=OFFERED)
        self.default, self.cap, self.low, self.high, self.naming = default, cap, low, high, naming

    def accounts_statement(self, prepared: Prepared, body: dict[str, Any], sent: bytes) -> Answer:
        account, limit = str(prepared.arguments["account"]), int(prepared.arguments.get("limit", self.default))
        if limit > self.cap and self.high:
            return {"refused": self.no(400, "invalid-limit"), "broken": CRASH, "busy": BUSY}[self.high]
        if limit < 1 and self.low is None:
            return self.no(400, "invalid-limit")
        cursor = str(prepared.arguments.get("cursor", "after-0000000"))
        if not cursor.startswith("after-") or not cursor[6:].isdigit():
            return self.no(400, "invalid-cursor")
        start = int(cursor[6:])
        size = min(limit, self.cap) if limit > 0 else int(self.low or 0)
        rows = [made for made in self.payments if account in (made["debtor"], made["creditor"])]
        following = f"after-{start + size:07}" if self.naming and len(rows) > start + size else None
        return self.yes({"items": rows[start : start + size], "next": following})


def bounded(bank: Bank, **declared: Any) -> int:
    pages.pages_are_bounded(candidate_of(bank, **declared), evidence(), PARAMS)
    return len(bank.payments)


def test_capped_pages_pass_when_there_was_more_to_show() -> None:
    assert bounded(Paging()) > 200


def test_refused_sizes_need_no_more_than_a_second_page() -> None:
    assert bounded(Paging(high="refused")) < 100


def test_a_size_below_one_may_mean_the_documented_maximum() -> None:
    bounded(Paging(low=200))


@pytest.mark.parametrize(
    ("bank", "raised", "says"),
    [
        (Paging(cap=10**9), Finding, "page size of 1000000 must be refused or capped"),
        (Paging(low=10**9), Finding, "page size of 0 must be refused or capped"),
        (Paging(high="broken"), Finding, "refused cleanly or capped"),
        (Paging(high="busy"), Inconclusive, "429"),
        (Paging(naming=False), NotTested, "named no next page"),
    ],
)
def test_pages_without_bound_are_found(bank: Bank, raised: type[Exception], says: str) -> None:
    with pytest.raises(raised, match=says):
        bounded(bank)


def test_a_product_that_documents_less_is_held_to_it() -> None:
    assert bounded(Paging(cap=60), page_items_max=60) < 100
    with pytest.raises(Finding, match="page size of 1000000"):
        bounded(Paging(cap=61), page_items_max=60)


def test_a_slow_product_is_not_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "FILLING_S", 0.0)
    with pytest.raises(NotTested, match="declare a lower page_items_max"):
        bounded(Paging(cap=10**9))


class Sizeless(Paging):
    """A bank whose mapping sends no page size: its requests can be seen, and hold none."""

    def wire(self, prepared: Prepared) -> WireRequest:
        return WireRequest("GET", "https://h/statement", (), b"")

    request = connection = together = Paging.perform


def test_where_no_size_is_sent_the_products_own_pages_are_judged() -> None:
    with pytest.raises(NotTested, match="places `limit` nowhere"):
        bounded(Sizeless())
    with pytest.raises(Finding, match="a list must come in pages") as found:
        bounded(Sizeless(default=10**9, cap=10**9))
    assert found.value.actual == "201 items"
