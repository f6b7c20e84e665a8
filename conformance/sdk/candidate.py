"""The candidate as a check sees it: operations, users, endpoints, accounts and hooks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from conformance.model.candidate import CandidateFile
from conformance.sdk.answers import Accepted, Answer, describe
from conformance.sdk.drivers import Driver, HttpDoor, RawSocket
from conformance.sdk.findings import Inconclusive, NotTested
from conformance.sdk.prepared import Edit, Prepared, Stage

if TYPE_CHECKING:
    from conformance.sdk.load import WireRequest


class HookRunner(Protocol):
    """Runs a hook of the test environment: a command or a URL that its owner supplied."""

    def __call__(self, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Run it and return what it printed or answered."""
        ...


@dataclass(frozen=True, slots=True)
class Account:
    """An account leased to a check. ``owner`` is the user it belongs to."""

    id: str
    currency: str
    owner: str
    opening: int


class Pool:
    """Accounts that can be leased: opened through ``accounts.open``, else taken from the candidate file."""

    def __init__(self, prepared: tuple[Mapping[str, Any], ...]) -> None:
        self._free = [dict(item) for item in prepared]

    def take(self, currency: str, owner: str, balance: int) -> Account:
        """Lease a prepared account of that owner and currency with at least ``balance`` minor units."""
        for item in self._free:
            enough = int(item.get("balance", 0)) >= balance
            if enough and item.get("owner", owner) == owner and item.get("currency", currency) == currency:
                self._free.remove(item)
                return Account(str(item["id"]), currency, owner, int(item.get("balance", 0)))
        raise NotTested(
            f"pool too small: no free account of {owner} in {currency} with {balance} minor units; "
            "add one under [[pool]] in candidate.toml",
            blame="CONFIG",
        )


@dataclass(frozen=True)
class Candidate:
    """A bound product, seen as one user at one endpoint. Immutable; the ``as_``, ``at`` methods return others."""

    driver: Driver
    file: CandidateFile
    pool: Pool
    hooks: HookRunner
    user: str | None
    endpoint: str = ""

    # -- operations ---------------------------------------------------------------------------------------

    def call(self, operation: str, /, **arguments: Any) -> Answer:
        """Ask for an operation and return the answer."""
        return self.prepare(operation, **arguments).send()

    def prepare(self, operation: str, /, **arguments: Any) -> Prepared:
        """Return the request for an operation without sending it."""
        return Prepared(operation, arguments, self.user, self.endpoint, self.driver.perform)

    def offers(self, operation: str) -> bool:
        """Tell whether the candidate has this operation."""
        return operation in self.driver.operations()

    def claims(self, capability: str) -> bool:
        """Tell whether the candidate file declares this capability."""
        return capability in self.file.supports

    # -- other views --------------------------------------------------------------------------------------

    def as_user(self, name: str) -> Candidate:
        """Return the candidate as another declared user sees it; raises NotTested if there is none."""
        if name not in self.file.users:
            raise NotTested(f"no user {name!r} in candidate.toml; add [users.{name}]", blame="CONFIG")
        return Candidate(self.driver, self.file, self.pool, self.hooks, name, self.endpoint)

    def without_credentials(self) -> Candidate:
        """Return the candidate as a stranger sees it."""
        return Candidate(self.driver, self.file, self.pool, self.hooks, None, self.endpoint)

    def at(self, endpoint: str) -> Candidate:
        """Return the candidate behind another declared endpoint (a node, an acquirer, an issuer)."""
        if endpoint and endpoint not in self.driver.endpoints():
            raise NotTested(f"no endpoint {endpoint!r} in candidate.toml; add it under [endpoints]", blame="CONFIG")
        return Candidate(self.driver, self.file, self.pool, self.hooks, self.user, endpoint)

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Names of the declared endpoints besides the base URL."""
        return self.driver.endpoints()

    @property
    def declared(self) -> Mapping[str, Any]:
        """What the candidate file declares freely for suites."""
        return self.file.declared

    def socket(self, timeout_s: float = 5.0) -> RawSocket:
        """Open a recorded TCP connection to this endpoint, for probes below HTTP."""
        return self.driver.socket(self.endpoint, timeout_s)

    # -- HTTP itself --------------------------------------------------------------------------------------

    def request(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Prepared:
        """Return a request of no operation, below the base URL, authenticated as this user; not yet sent.

        Its answer is Accepted for any 2xx, with an empty value: read ``exchange.body``. Raises NotTested where the
        candidate does not speak HTTP.
        """
        edits = [Edit(Stage.REQUEST, "method", value=method), Edit(Stage.REQUEST, "path", value=path)]
        edits += [Edit(Stage.REQUEST, "header", name, value) for name, value in (headers or {}).items()]
        edits += [Edit(Stage.BYTES, "body", value=body)] if body else []
        return Prepared(f"{method} {path}", {}, self.user, self.endpoint, self._http().request, tuple(edits))

    def wire(self, request: Prepared) -> WireRequest:
        """Return a request as it would go on the wire, unsent; raises NotTested if it is of several calls."""
        return self._http().wire(request)

    def connection(self, timeout_s: float = 5.0) -> RawSocket:
        """Open a recorded connection to this endpoint as HTTP would use it: verified TLS where the URL says https."""
        return self._http().connection(self.endpoint, self.user, timeout_s)

    def together(self, requests: Sequence[Prepared]) -> list[Answer]:
        """Send requests at the same moment, the last byte of each held back until all are ready."""
        return self._http().together(requests)

    def _http(self) -> HttpDoor:
        if isinstance(self.driver, HttpDoor):
            return self.driver
        raise NotTested("the candidate's driver does not speak HTTP; this is about HTTP itself", blame="CONFIG")

    # -- money --------------------------------------------------------------------------------------------

    def account(self, *, balance: int = 1_000_00, currency: str = "CNY", owner: str | None = None) -> Account:
        """Lease an account with ``balance`` minor units for this check alone."""
        holder = owner or self.user or ""
        if not self.offers("accounts.open"):
            return self.pool.take(currency, holder, balance)
        answer = self.call("accounts.open", owner=holder, currency=currency, balance=balance)
        if not isinstance(answer, Accepted):
            raise Inconclusive(f"test set-up: accounts.open was {describe(answer)}", blame="PRODUCT")
        return Account(str(answer.value["id"]), currency, holder, balance)

    def balance(self, account: Account | str) -> int:
        """Return the available balance in minor units; raises Inconclusive if it cannot be read."""
        identifier = account.id if isinstance(account, Account) else account
        reader = self.as_user(account.owner) if isinstance(account, Account) and account.owner else self
        answer = reader.call("accounts.balance", account=identifier)
        if not isinstance(answer, Accepted):
            raise Inconclusive(f"the balance of {identifier} cannot be read: {describe(answer)}", blame="PRODUCT")
        return _amount(answer.value.get("available"), identifier)

    def statement(self, account: Account | str, *, page_size: int = 200) -> list[dict[str, Any]]:
        """Return all entries of an account's statement, oldest first, following its pages."""
        return [entry for page in self.statement_pages(account, page_size=page_size) for entry in page]

    def statement_pages(self, account: Account | str, *, page_size: int = 200) -> Iterator[list[dict[str, Any]]]:
        """Yield an account's statement page by page, so that a long one need not be held in memory.

        Raises Inconclusive when a page cannot be read.
        """
        identifier = account.id if isinstance(account, Account) else account
        reader = self.as_user(account.owner) if isinstance(account, Account) and account.owner else self
        return _pages(
            lambda cursor: reader.call("accounts.statement", account=identifier, cursor=cursor, limit=page_size)
        )

    # -- the test environment -----------------------------------------------------------------------------

    def hook(self, name: str, /, **arguments: Any) -> Mapping[str, Any]:
        """Run a hook of the test environment; raises NotTested if its owner declared none."""
        if name not in self.file.hooks:
            raise NotTested(f"hook {name!r} is not declared in candidate.toml; add [hooks.{name}]", blame="CONFIG")
        return self.hooks(name, arguments)


def _amount(found: Any, account: str) -> int:
    if type(found) is not int:
        raise Inconclusive(f"the balance of {account} is not an amount: {str(found)[:60]!r}", blame="PRODUCT")
    return found


def _pages(read: Callable[[str | None], Answer], pages_max: int = 10_000) -> Iterator[list[dict[str, Any]]]:
    cursor: str | None = None
    for _ in itertools.repeat(None, pages_max):
        answer = read(cursor)
        if not isinstance(answer, Accepted):
            raise Inconclusive(f"the statement cannot be read: {describe(answer)}", blame="PRODUCT")
        yield list(answer.value.get("items", ()))
        following = answer.value.get("next")
        if not following or following == cursor:
            return
        cursor = str(following)
    raise Inconclusive(f"the statement has more than {pages_max} pages", blame="PRODUCT")
