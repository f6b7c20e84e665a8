"""Which read a check of the connection makes: the caller's own where the product has accounts, else a public one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from stub_bank import Bank, candidate_of

from conformance.sdk import Answer, Broken, Candidate, Exchange, NotTested, Prepared
from conformance_security.reads import any_read, some_read


class Product:
    """A product that offers some operations; a request is named by who makes it."""

    def __init__(self, *offered: str, who: str = "alice") -> None:
        self.offered, self.who = offered, who

    def offers(self, operation: str) -> bool:
        return operation in self.offered

    def without_credentials(self) -> Product:
        return Product(*self.offered, who="nobody")

    def prepare(self, operation: str, **_: Any) -> Any:
        return SimpleNamespace(operation=operation, who=self.who, send=lambda: None)


@pytest.mark.parametrize(
    ("offered", "read"),
    [
        (("accounts.list", "oauth.metadata"), ("accounts.list", "alice")),
        (("oauth.keys", "oauth.metadata"), ("oauth.metadata", "nobody")),
        (("jwks",), ("jwks", "nobody")),
    ],
)
def test_accounts_come_before_what_everybody_may_read(offered: tuple[str, ...], read: tuple[str, str]) -> None:
    made: Any = any_read(cast(Candidate, Product(*offered)))
    assert (made.operation, made.who) == read


def test_a_product_without_any_read_is_told_what_to_map() -> None:
    with pytest.raises(NotTested, match="map accounts"):
        any_read(cast(Candidate, Product("payments.create")))


@pytest.mark.parametrize(
    ("kind", "others", "read"),
    [
        ("schema", ("accounts.open", "accounts.read"), "accounts.read"),
        ("schema", (), "accounts.list"),
        ("timeout", ("accounts.open", "accounts.read"), "accounts.list"),
        (None, ("accounts.open", "accounts.read"), "accounts.list"),
    ],
)
def test_a_list_that_is_misread_for_an_account_of_somebody_elses_gives_way(
    kind: str | None, others: tuple[str, ...], read: str
) -> None:
    def instead(prepared: Prepared, body: dict[str, Any]) -> Answer | None:
        if prepared.operation != "accounts.list":
            return None
        return Broken(kind, "", Exchange(0)) if kind else bank.yes({"items": []})

    bank = Bank(offered=frozenset({"accounts.list", *others}), instead=instead)
    assert some_read(candidate_of(bank)).operation == read
