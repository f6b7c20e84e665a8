"""What the whole run showed: internals, and personal data, planted, learned from what was sent, or recognised.

These checks run last and judge what all checks of the process were shown, encodings taken off.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from conformance.sdk import (
    Accepted,
    Account,
    Candidate,
    Effect,
    Evidence,
    Exchange,
    Inconclusive,
    NotTested,
    Prepared,
    check,
    eventually,
    expect,
)
from conformance_security.declared import declared
from conformance_security.privacy.classes import Shown
from conformance_security.privacy.detect import Detector
from conformance_security.privacy.made_up import Person
from conformance_security.privacy.observed import ADDRESS, ANSWER, LOG, NOTICE, Observed, Place
from conformance_security.receiving import Received, receiving
from conformance_security.scene import Scene, control, opened

_PLANT = "nothing was planted: map cards.bind, or declare canaries under [declared.security]"
#: Places named in one reason.
_NAMED = 4
#: Seconds within which a notice must arrive.
_NOTICE_S = 5.0


@check("SEC-D04.run", requirement="SEC-D04")
def the_whole_run_discloses_no_internals(observed: Observed, evidence: Evidence) -> None:
    """No answer of the whole run shows a stack, statement or path, whichever check provoked it.

    Answers that are no errors are looked at for traces and database errors, which some products put into a 200.
    """
    found = observed.disclosures.all()
    listed = "; ".join(map(str, found[:_NAMED])) + (f"; {len(found) - _NAMED} more" if len(found) > _NAMED else "")
    expect(not found, "no answer of the run may disclose internals", expected="a code and a sentence", actual=listed)
    _require_looked(observed, evidence)


@check("SEC-D05.run", requirement="SEC-D05")
def the_whole_run_masks_personal_data(observed: Observed, evidence: Evidence) -> None:
    """No answer, error or header of the whole run shows personal data in full, in whatever encoding.

    Looked for: card, identification and phone numbers, and what the candidate file declares as planted. Masks show at
    most what the profile's ``data_classes`` allow.
    """
    _expect_none(
        observed.places(ANSWER, shown=("masked", "owner")), "personal data must be masked in every answer of the run"
    )
    _require_seen(observed, evidence, "masked", "owner")


@check("SEC-D06.run", requirement="SEC-D06")
def the_whole_run_returns_no_secrets(observed: Observed, evidence: Evidence) -> None:
    """No answer, error or header of the whole run holds a verification code, a PIN, a password or track data."""
    _expect_none(
        observed.places(ANSWER, shown=("never",)),
        "verification codes, PINs and passwords must never be returned, in no answer of the run",
    )
    _require_seen(observed, evidence, "never")


@check("SEC-D07", effects=Effect.MONEY)
def logs_and_addresses_hold_no_personal_data(candidate: Candidate, evidence: Evidence, observed: Observed) -> None:
    """Neither the addresses of the run nor the log that the product exports afterwards hold planted data.

    A card is bound and paid from, and broken requests repeat its data; then the hook ``export_logs`` is asked.
    """
    sent = list(_leave_traces(candidate, evidence))
    _expect_none(observed.places(ADDRESS), "personal data must not stand in addresses, which every proxy logs")
    if not sent and not declared(candidate, "canaries"):
        raise NotTested(f"{_PLANT}; addresses were looked at, and hold nothing", blame="CONFIG")
    log = candidate.hook("export_logs")
    text = json.dumps(log, ensure_ascii=False, default=str).encode()
    if len(text) < 20:
        raise Inconclusive("positive control: the exported log is empty although requests were made", blame="CONFIG")
    observed.log(text, "SEC-D07")
    _expect_none(observed.places(LOG), "personal data must not be logged")
    evidence.note("requests with planted data", len(sent))
    evidence.note("bytes of log looked at", len(text))
    _require_whole(observed)


@check("SEC-D07.notices", requirement="SEC-D07", needs=("notices.subscribe", "payments.create"), effects=Effect.MONEY)
def notices_hold_no_personal_data(candidate: Candidate, evidence: Evidence, observed: Observed) -> None:
    """A notice about a payment tells that it happened, and nothing of who paid with which card.

    The harness listens at the first of ``[declared.security] callback_hosts``.
    """
    allowed = declared(candidate, "callback_hosts", ())
    if not allowed:
        raise NotTested("[declared.security] names no callback_hosts that the product may call", blame="CONFIG")
    with receiving(str(allowed[0])) as received:
        control(candidate.prepare("notices.subscribe", url=f"http://{allowed[0]}/privacy"), "subscribing to notices")
        scene = Scene.set(candidate, evidence)
        _bind(candidate, evidence, scene.debtor)
        payment = str(scene.paid().value["id"])
        _await(received, payment)
    for notice in received:
        observed.notice(notice.body, notice.headers, "SEC-D07.notices")
    _expect_none(observed.places(NOTICE), "personal data must not be sent in notices")
    evidence.note("notices looked at", len(received))
    require_planted(observed, "masked", "owner")


# -- planting -------------------------------------------------------------------------------------------------------


def bound(candidate: Candidate, account: Account, person: Person) -> Prepared:
    """Return the request that binds a card to an account, with everything a careless product could show again."""
    return candidate.prepare(
        "cards.bind", account=account.id, pan=person.pan, holder=person.holder, identity=person.identity,
        phone=person.phone, cvv=person.cvv, pin=person.pin,
    )  # fmt: skip


def shown_cards(candidate: Candidate, evidence: Evidence) -> Iterator[tuple[str, Exchange]]:
    """Bind a made-up person's card and give every answer about it, the refusals of broken requests among them."""
    if not candidate.offers("cards.bind"):
        evidence.note("planted", "nothing: no operation takes a customer's data (map cards.bind)")
        return
    account, person = opened(candidate, 1_00), Person.of(evidence.unique("person"))
    binding = bound(candidate, account, person)
    yield "cards.bind", control(binding, "binding a card").exchange
    for broken in _broken(binding):
        answer = broken.send()
        if not isinstance(answer, Accepted):
            yield "a refusal of cards.bind", answer.exchange
    if candidate.offers("accounts.card"):
        read = candidate.prepare("accounts.card", account=account.id)
        yield "accounts.card", control(read, "reading the card bound").exchange


def _broken(binding: Prepared) -> tuple[Prepared, ...]:
    """Return requests that name the same data and cannot be served."""
    return (
        binding.with_arguments(phone="1"),
        binding.with_extra_field("conformance", True),
        binding.with_arguments(account="conformance-no-such-account"),
    )


def _bind(candidate: Candidate, evidence: Evidence, account: Account) -> None:
    if candidate.offers("cards.bind"):
        control(bound(candidate, account, Person.of(evidence.unique("person"))), "binding a card")


def _leave_traces(candidate: Candidate, evidence: Evidence) -> Iterator[Any]:
    """Make requests that hold planted data, sound and broken, where the product takes any."""
    if not candidate.offers("cards.bind"):
        return
    binding = bound(candidate, opened(candidate, 1_000_00), Person.of(evidence.unique("person")))
    yield control(binding, "binding a card")
    for broken in _broken(binding):
        yield broken.send()


# -- judging --------------------------------------------------------------------------------------------------------


def _expect_none(places: list[Place], message: str) -> None:
    listed = "; ".join(map(str, places[:_NAMED])) + (f"; {len(places) - _NAMED} more" if len(places) > _NAMED else "")
    expect(not places, message, expected="nothing in full", actual=listed)


def _require_seen(observed: Observed, evidence: Evidence, *shown: Shown) -> None:
    """Say how much was looked at, and pass only if that was the run, and if there was something to be shown."""
    _require_looked(observed, evidence)
    require_planted(observed, *shown)


def _require_looked(observed: Observed, evidence: Evidence) -> None:
    """Say how much was looked at, and go on only if that was the run."""
    evidence.note("looked at", observed.summary())
    if not observed.counts[ANSWER]:
        raise Inconclusive("no answer was seen in this process, so there is nothing to judge", blame="HARNESS")
    _require_whole(observed)


def _require_whole(observed: Observed) -> None:
    """Raise Inconclusive where other processes of the run made exchanges, which this one was not shown."""
    if observed.earlier:
        raise Inconclusive(
            f"the run was continued by a new check process, and the {observed.earlier} exchanges before it were not "
            "looked at: nothing was found in the others; repeat the run without a break",
            blame="HARNESS",
        )


def require_planted(known: Observed | Detector, *shown: Shown) -> None:
    """Raise NotTested where no value is known that may be shown only so: nothing could have been given away."""
    if not known.knows(*shown):
        raise NotTested(f"{_PLANT}; answers were looked at, and show nothing", blame="CONFIG")


def _await(received: list[Received], payment: str) -> None:
    def arrived() -> bool:
        return any(payment.encode() in notice.body for notice in list(received)) or len(received) > 1

    try:
        eventually(arrived, deadline_s=_NOTICE_S, what="the notice of a payment", every_s=0.01)
    except AssertionError as missing:
        count = f"{len(received)} notices arrived"
        raise Inconclusive(f"positive control: no notice of a payment within {_NOTICE_S:g} s ({count})") from missing
