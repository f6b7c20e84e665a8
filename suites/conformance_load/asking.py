"""Asking again right after a disturbance: every payment without an answer, with its key, before anything is looked up.

A list or a query would say as well what became of it. But a client that was cut off repeats its request, and only that
shows whether the key outlived what happened.
"""

from __future__ import annotations

from conformance.sdk import Accepted, Refused
from conformance_load.flow import now_ns
from conformance_load.journal import PaymentJournal, State
from conformance_load.live import Noted
from conformance_load.making import PaymentMaker
from conformance_load.payments import state_of
from conformance_load.repeats import CONFLICT

#: Payments asked for at most; the others are decided as after any load.
ASKED_MAX = 500


def ask_again(maker: PaymentMaker, journal: PaymentJournal) -> dict[str, int]:
    """Repeat requests without an answer, once each, write down what they say, and return how many said something."""
    lost = [number for number, state in enumerate(journal.states) if state in (State.SENT, State.UNKNOWN)]
    answered, note = 0, Noted(maker.context)
    for number in lost[:ASKED_MAX]:
        note("repeating requests without an answer")
        answer = maker.prepare(number).send()
        in_progress = isinstance(answer, Refused) and answer.exchange.status == CONFLICT
        if isinstance(answer, Accepted | Refused) and not in_progress:
            journal.decide(number, state := state_of(answer), now_ns())
            if isinstance(answer, Accepted) and state is State.PENDING and answer.value.get("id"):
                journal.pending[number] = str(answer.value["id"])
            answered += 1
    return {"unknown": len(lost), "asked": min(len(lost), ASKED_MAX), "answered": answered}
