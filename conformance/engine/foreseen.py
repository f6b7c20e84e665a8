"""What can be foreseen without a request: gaps in a candidate file that checks meet only when they run.

A check declares the operations, users and hooks it needs, and those are planned for. Accounts, TLS, an idempotency key
and what stands under ``[declared]`` it finds missing on its way, and then ends as *not tested*. Which checks will do so
cannot be told from their declarations, so the gap itself is told, with the checks that it may concern at most.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from conformance.candidate.callers import same_caller
from conformance.candidate.offering import offer_of, offer_of_neutral
from conformance.engine.world import World
from conformance.model.candidate import CandidateFile, Effect
from conformance.model.plan import PlannedCheck
from conformance.model.requirement import Requirement
from conformance.sdk.checks import CheckDeclaration

#: Reads of the caller's own, of which checks of credentials and connections make whichever is there.
_READING = ("accounts.list", "accounts.read", "accounts.balance", "accounts.statement", "payments.list")
#: Operations of which one must show what a payment did.
_SHOWING = ("accounts.balance", "accounts.statement", "payments.list")


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A gap that checks will meet: what is missing, what follows from it, and what would close it ("" for nothing).

    ``checks_max`` is how many planned checks it may concern, 0 where that cannot be told.
    """

    text: str
    remedy: str = ""
    checks_max: int = 0


def foreseen(
    world: World, planned: Sequence[PlannedCheck], candidate: CandidateFile, operations: frozenset[str]
) -> tuple[Foreseen, ...]:
    """Return the gaps that the checks left open in a plan would meet, the widest first; nothing is contacted."""
    open_ids = {item.id for item in planned if not item.settled}
    checks = [item for contents in world.suites for item in contents.checks if item.id in open_ids]
    return (
        *_accounts(checks, candidate, operations),
        *_reads(operations),
        *_effects_of_payments(operations),
        *_keys(candidate, operations),
        *_transport(world, checks, candidate),
        *_callers(candidate),
        *_declared(checks, candidate),
    )


def _accounts(
    checks: list[CheckDeclaration], candidate: CandidateFile, operations: frozenset[str]
) -> Iterator[Foreseen]:
    """Accounts are opened for each check, or leased and not given back; without either, nothing moves money."""
    about = {name for name in operations if _takes_account(name)}
    if not about or "accounts.open" in operations:
        return
    concerned = sum(1 for item in checks if item.effects is Effect.MONEY or about & set(item.needs))
    if not candidate.pool:
        said = (
            "no accounts: accounts.open is not offered and [[pool]] is empty, so nothing that moves money, and nothing "
            "that reads one account, can be tested"
        )
        remedy = (
            'map [operations."accounts.open"], or prepare accounts under [[pool]]; for a product that has none see '
            '"A product without accounts" in docs/guides/bind-a-product.md'
        )
        yield Foreseen(said, remedy, concerned)
    elif len(candidate.pool) < 2 * concerned:
        said = (
            f"few accounts: accounts.open is not offered, and a check leases one or two of the {len(candidate.pool)} "
            "under [[pool]] and gives none back, so most checks that want some will find none"
        )
        yield Foreseen(said, 'map [operations."accounts.open"], or prepare more accounts', concerned)


def _reads(operations: frozenset[str]) -> Iterator[Foreseen]:
    if any(_takes_account(name) for name in operations) and not operations.intersection(_READING):
        said = "nothing of the caller's own can be read, so checks of credentials find nothing harmless to ask"
        yield Foreseen(said, "map accounts.list to any list that shows the caller's own: it needs no account")


def _takes_account(name: str) -> bool:
    """Tell whether an operation is about an account that a check leases: one that pays, or one that is read."""
    neutral = offer_of_neutral().get(name)
    return neutral is not None and ("debtor" in neutral.placed or "account" in neutral.main.path.names())


def _effects_of_payments(operations: frozenset[str]) -> Iterator[Foreseen]:
    if "payments.create" in operations and not operations.intersection(_SHOWING):
        said = "nothing shows what a payment did, so checks that compare the books before and after cannot decide"
        yield Foreseen(said, f"map one of {', '.join(_SHOWING)}")


def _keys(candidate: CandidateFile, operations: frozenset[str]) -> Iterator[Foreseen]:
    offer, neutral = offer_of(candidate), offer_of_neutral()
    for name in sorted(operations & offer.compiled.keys() & neutral.keys()):
        steps = offer.compiled[name].steps
        placed = "idempotency_key" in offer.compiled[name].placed or any(step.takes_all() for step in steps)
        if "idempotency_key" in neutral[name].placed and not placed:
            said = f"{name} places idempotency_key nowhere, so no key is sent and a repeated request is not tested"
            yield Foreseen(said, "place {idempotency_key} in its header or body, if the product takes one")


def _transport(world: World, checks: list[CheckDeclaration], candidate: CandidateFile) -> Iterator[Foreseen]:
    urls = [candidate.base_url, *candidate.endpoints.values()]
    if not candidate.base_url.startswith("http://") or any(url.startswith("https://") for url in urls):
        return
    wanted = {item.requirement for item in checks}
    if any(
        item.id in wanted and _about_tls(item) for contents in world.suites for item in contents.catalogue.requirements
    ):
        said = "base_url is http, and so is every endpoint: checks of TLS and certificates find none to look at"
        yield Foreseen(said, "let base_url, or one of [endpoints], be the https address of the product's TLS listener")


def _about_tls(item: Requirement) -> bool:
    """Tell whether a requirement, or a standard it comes from, says that it is about TLS."""
    return any("TLS" in text.en for text in (item.title, *(clause.standard.title for clause in item.clauses)))


def _callers(candidate: CandidateFile) -> Iterator[Foreseen]:
    """Tell users apart as the product does: those who are one caller to it make a group."""
    groups: list[list[str]] = []
    for user in candidate.users:
        known = next((group for group in groups if same_caller(candidate, group[0], user)), None)
        if known is None:
            groups.append([user])
        else:
            known.append(user)
    for *others, last in groups:
        if others:
            said = f"{', '.join(others)} and {last} are the same caller to the product: ownership cannot be tested"
            yield Foreseen(said, f"give [users.{last}] credentials of its own, or leave it out")


def _declared(checks: list[CheckDeclaration], candidate: CandidateFile) -> Iterator[Foreseen]:
    if checks and not candidate.declared:
        said = (
            "[declared] is empty: what only the product's owner knows (planted data, quotas, limits, addresses) is not "
            "there, so checks that look for it are not tested, or go by the profile's parameters"
        )
        yield Foreseen(said, "the members are listed in docs/reference/candidate-file.md, Declarations")
