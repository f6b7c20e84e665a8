"""Pages: whoever may read a list may not have all of it at once, and goes on only where the product said."""

from __future__ import annotations

import time

from conformance.sdk import (
    Accepted,
    Broken,
    Candidate,
    Effect,
    Evidence,
    NotTested,
    Params,
    Prepared,
    accepted,
    check,
    describe,
    expect,
    refused,
    unthrottled,
)
from conformance_security.declared import declared
from conformance_security.scene import Scene, control, sends

#: Page sizes that nobody needs.
LIMITS = (0, -1, 1_000_000)
#: Payments made at most to see a second page.
ENTRIES_MAX = 130
#: Seconds that making more entries than a page may hold may take.
FILLING_S = 40.0


@check("SEC-I09", needs=("accounts.statement", "payments.create"), effects=Effect.MONEY, deadline_s=120)
def pages_are_bounded(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """Page sizes of zero, below zero or a million are refused or capped, and an altered cursor is refused.

    A page may hold ``page_items_max`` items, or fewer where ``[declared.security] page_items_max`` says so. A size that
    is not refused is asked for again when there is more than that to show.
    """
    most = min(int(params["page_items_max"]), int(declared(candidate, "page_items_max", params["page_items_max"])))
    filling = _Filling(Scene.set(candidate, evidence))
    page = filling.to_a_second_page()
    untested = _sizes(filling, most) if filling.sends_sizes() else _unasked(filling, page, most)
    cursor = page.value.get("next") or filling.page().value.get("next")
    if cursor and str(cursor).isdigit():
        evidence.note("cursor", "pages are numbered: there is none to alter")
    elif cursor:
        refused(
            filling.ask(cursor=_tampered(str(cursor))),
            twin=filling.ask(cursor=cursor),
            because="the cursor was altered",
        )
    else:
        untested.append("no page named a next one, so no cursor could be altered; map `next` of accounts.statement")
    evidence.note("pages", {"default": len(page.value.get("items", ())), "payments": filling.made, "most": most})
    if untested:
        raise NotTested("; ".join(untested))


def _sizes(filling: _Filling, most: int) -> list[str]:
    """Ask for page sizes that nobody needs; return what stayed open."""
    taken = [limit for limit in LIMITS if _page_of(filling, limit, most) is not None]
    return _capped(filling, taken, most) if taken else []


def _unasked(filling: _Filling, page: Accepted, most: int) -> list[str]:
    """Require pages of the product's own, where no size is ever sent; return what stayed open."""
    if not page.value.get("next") and filling.beyond(most):
        page = filling.page()
    shown = len(page.value.get("items", ()))
    expect(
        shown <= most,
        "a list must come in pages",
        expected=f"at most {most} items in one answer, and the way to the next",
        actual=f"{shown} items",
    )
    return ["the mapping of accounts.statement places `limit` nowhere, so no page size was sent"]


class _Filling:
    """A statement that grows by payments of one minor unit each; ``made`` counts them."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.made = 0

    def ask(self, **arguments: object) -> Prepared:
        """Return the statement of the debtor, not yet asked for."""
        return self.scene.candidate.prepare("accounts.statement", account=self.scene.debtor.id, **arguments)

    def page(self) -> Accepted:
        """Return the first page of the product's own size."""
        return control(self.ask(), "a page of the statement")

    def sends_sizes(self) -> bool:
        """Tell whether the mapping sends the page size that a caller asks for."""
        return sends(self.scene.candidate, self.ask(limit=1), "limit", 2)

    def to_a_second_page(self) -> Accepted:
        """Pay until the first page says that there is another, or enough is enough; return the first page."""
        while self.made < ENTRIES_MAX:
            if self.made % 10 == 0 and (page := self.page()).value.get("next"):
                return page
            self._pay()
        return self.page()

    def beyond(self, most: int) -> bool:
        """Pay until there is more than one page may hold; tell whether that could be done in time."""
        end = time.monotonic() + FILLING_S
        while self.made <= most and time.monotonic() < end:
            self._pay()
        return self.made > most

    def _pay(self) -> None:
        accepted(self.scene.payment(1), "a payment of 1 minor unit")
        self.made += 1


def _capped(filling: _Filling, limits: list[int], most: int) -> list[str]:
    """Ask again for sizes that were not refused, once there is more than a page may hold; return what stayed open."""
    if not filling.beyond(most):
        return [
            f"a page may hold {most} items, and only {filling.made} payments could be made within {FILLING_S:g} s: "
            "declare a lower page_items_max under [declared.security], or raise the product's quota"
        ]
    pages = {limit: _page_of(filling, limit, most) for limit in limits}
    return [
        f"a page size of {limit} showed only some of {filling.made} payments and named no next page"
        for limit, page in pages.items()
        if page is not None and not page.value.get("next")
    ]


def _page_of(filling: _Filling, limit: int, most: int) -> Accepted | None:
    """Return the page of a size that is not refused, or None; one that holds too much fails."""
    answer = unthrottled(filling.ask(limit=limit).send())
    expect(
        not isinstance(answer, Broken),
        f"a page size of {limit} must be refused cleanly or capped",
        expected="4xx, or a page",
        actual=describe(answer),
    )
    if not isinstance(answer, Accepted):
        return None
    shown = len(answer.value.get("items", ()))
    expect(
        shown <= most,
        f"a page size of {limit} must be refused or capped",
        expected=f"a refusal, or at most {most} items",
        actual=f"{shown} items",
    )
    return answer


def _tampered(cursor: str) -> str:
    middle = len(cursor) // 2
    other = "A" if cursor[middle] != "A" else "B"
    return cursor[:middle] + other + cursor[middle + 1 :]
