"""From submission to finality: transfers at a fixed rate, each asked for until its node calls it final.

Accounts and signed transfers come from the test environment (hooks ``ledger_account`` and ``ledger_transaction``),
because the form of a transaction is the ledger's own. All are made before the clock starts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gevent

from conformance.sdk import Accepted, Answer, Candidate, LoadContext, NotTested, Refused
from conformance_load import measured
from conformance_load.finality import Finality
from conformance_load.flow import Pressed, Span
from conformance_load.live import Live
from conformance_load.odd import Flows
from conformance_load.settings import Settings
from conformance_load.shapes import per_second, schedule_of
from conformance_load.tally import Tally
from conformance_load.verdict import GeneratorFacts, invalidities

#: How long the accounts of the run may take to exist (seconds).
_OPEN_S_MAX = 30.0
#: Share of the candidate's own limit of requests from which the pace of the session would slow flows down (permille).
_PACE_PERMILLE_MAX = 800


@dataclass(frozen=True, slots=True)
class Payer:
    """An account of the run, and the node that its transactions are submitted to."""

    account: str
    nonce: int
    node: str


class Chain:
    """The ledger as this scenario sees it: nodes, accounts, and transfers made ready."""

    def __init__(self, candidate: Candidate) -> None:
        self._candidate = candidate
        declared = candidate.declared.get("ledger", {})
        self.declared: Mapping[str, Any] = declared if isinstance(declared, Mapping) else {}
        self.nodes = tuple(str(name) for name in self.declared.get("nodes", candidate.endpoints)) or ("",)
        #: Calls made so far.
        self.calls = 0

    def ask(self, node: str, operation: str, **arguments: Any) -> Answer:
        """Ask a node."""
        self.calls += 1
        return self._candidate.at(node).call(operation, **arguments)

    def payers(self, count: int, balance: int) -> list[Payer]:
        """Have accounts opened and wait until each exists on the node that it will use; raises NotTested."""
        found = [self._open(self.nodes[number % len(self.nodes)], balance) for number in range(count)]
        limit = time.monotonic() + _OPEN_S_MAX
        for payer, transaction in found:
            while transaction and not self._is_final(payer.node, transaction):
                if time.monotonic() > limit:
                    raise NotTested(f"the accounts of the run were not there after {_OPEN_S_MAX:g} s", blame="PRODUCT")
                gevent.sleep(0.05)
        return [payer for payer, _ in found]

    def transfers(self, payers: Sequence[Payer], count: int, told: Callable[[int], None]) -> list[tuple[str, Any]]:
        """Return signed transfers, each with its node; a payer's own are in the order of their numbers."""
        made = []
        for number in range(count):
            told(number)
            payer = payers[number % len(payers)]
            payee = payers[(number + 1) % len(payers)]
            turn = payer.nonce + number // len(payers)
            arguments = {"from": payer.account, "to": payee.account, "amount": 1, "nonce": turn}
            answer = self._candidate.hook("ledger_transaction", **arguments)
            made.append((payer.node, answer["transaction"]))
        return made

    def _open(self, node: str, balance: int) -> tuple[Payer, str]:
        answer = self._candidate.hook("ledger_account", balance=balance, role="holder")
        payer = Payer(str(answer["account"]), int(answer.get("nonce", 0)), node)
        return payer, str(answer.get("transaction", ""))

    def _is_final(self, node: str, transaction: str) -> bool:
        return finality(self.ask(node, "ledger.receipt", transaction=transaction)) == "confirmed"


class ToFinal:
    """One flow: submit a transfer to its node, then ask that node for its receipt until it is final."""

    def __init__(self, chain: Chain, transfers: Sequence[tuple[str, Any]], limits: Finality) -> None:
        self._chain = chain
        self._transfers = transfers
        self._poll_s = limits.poll_ms / 1000
        self._give_up_s = limits.give_up_s

    def __call__(self, number: int) -> str:
        """Take one transfer through."""
        node, transaction = self._transfers[number]
        limit = time.monotonic() + self._give_up_s
        answer = self._chain.ask(node, "ledger.submit", transaction=transaction)
        if not isinstance(answer, Accepted):
            return "refused" if isinstance(answer, Refused) else "broken"
        identifier = str(answer.value.get("transaction", ""))
        while identifier and time.monotonic() < limit:
            found = finality(self._chain.ask(node, "ledger.receipt", transaction=identifier))
            if found != "pending":
                return found
            gevent.sleep(self._poll_s)
        return "broken"


def finality(receipt: Answer) -> str:
    """Return what a receipt says: confirmed, refused (executed without effect) or pending, also where there is none."""
    if not isinstance(receipt, Accepted):
        return "pending"
    state = receipt.value.get("state")
    return "confirmed" if state == "confirmed" else "refused" if state in ("failed", "rejected") else "pending"


def run(context: LoadContext) -> dict[str, Any]:
    """Run the scenario and return its measurement: integers and words only.

    Raises ConfigError for wrong parameters and Undecided where accounts or transfers cannot be made.
    """
    settings = Settings.of(context.parameters, context.candidate.file.limits.load_per_second_max)
    offsets = list(schedule_of(settings, context.seed))
    chain = Chain(context.candidate)
    limits = Finality.of(context.parameters, chain.declared)
    context.progress(0, len(offsets), "opening accounts")
    payers = chain.payers(limits.payers, len(offsets) + 1)
    transfers = chain.transfers(payers, len(offsets), lambda n: context.progress(n, len(offsets), "signing transfers"))
    flow = ToFinal(chain, transfers, limits)
    span = Span(settings.warmup_s, settings.duration_s, settings.drain_s)
    tally = Tally(settings.duration_s)
    flows = Flows(flow, tally, span, at_once=settings.connections, patience_s=limits.give_up_s + settings.drain_s)
    chain.calls = 0
    pressed = flows.run(offsets, Live(context, [tally], len(offsets), settings.duration_s))
    return _measurement(context, settings, limits, offsets, tally, pressed) | _judged(
        context.candidate, settings, limits, tally, pressed, chain.calls
    )


def _measurement(
    context: LoadContext, settings: Settings, limits: Finality, offsets: list[int], tally: Tally, pressed: Pressed
) -> dict[str, Any]:
    offered = per_second(offsets, settings.warmup_s, settings.duration_s)
    return {
        "scenario": context.scenario,
        "offered": measured.offered(settings, sum(offered), sum(offered)),
        "operation": "ledger.submit",
        "sent": tally.sent,
        "confirmed": tally.counts["confirmed"],
        "counts": dict(tally.counts),
        "latencyUs": tally.latency(),
        "timeline": measured.timeline(tally, offered),
        "slo": limits.slo(),
        "pollMs": limits.poll_ms,
        "recorded": [],
        "generator": measured.generator(tally, pressed),
        "aborted": pressed.aborted,
    }


def _judged(
    candidate: Candidate, settings: Settings, limits: Finality, tally: Tally, pressed: Pressed, calls: int
) -> dict[str, Any]:
    """Say whether the measurement is one of the product."""
    facts = GeneratorFacts(
        scheduled=tally.sent + tally.counts["unsent"],
        sent=tally.sent,
        rate_per_s=settings.peak_per_s,
        connections=settings.connections,
        cpu_permille=pressed.cpu_permille,
        lag_p99_us=tally.own_lag.quantile(9900),
        lag_p999_us=tally.own_lag.quantile(9990),
        lag_samples=tally.own_lag.count,
        service_mean_us=tally.service.mean,
        slo_p99_us=limits.p99_ms_max * 1000,
    )
    reasons = [*invalidities(facts), *_paced(candidate, settings, calls)]
    return {"validity": "invalid" if reasons else "valid", "reasons": reasons}


def _paced(candidate: Candidate, settings: Settings, calls: int) -> list[str]:
    """Say when the candidate's own limit of requests, which the session keeps, was near enough to slow flows down."""
    most, rate = candidate.file.limits.requests_per_second_max, calls // settings.length_s
    if rate * 1000 <= most * _PACE_PERMILLE_MAX:
        return []
    return [
        f"{rate} calls per second are too near to the {most} that candidate.toml allows: raise [limits] "
        "requests_per_second_max, lower the rate or raise final_poll_ms"
    ]
