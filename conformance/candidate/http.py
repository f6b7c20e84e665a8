"""The declarative HTTP driver: operations of the neutral contract, said in a product's own API by its mapping."""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from conformance.candidate.acting import Acting
from conformance.candidate.assertion import assertion_member
from conformance.candidate.auth import Authentication
from conformance.candidate.bare import bare_operation
from conformance.candidate.burst import Aimed, together
from conformance.candidate.callers import Caller
from conformance.candidate.calls import Call, shows_proof
from conformance.candidate.composing import compose
from conformance.candidate.dpop import Proofs
from conformance.candidate.draft import Draft
from conformance.candidate.extract import Response, Unreadable
from conformance.candidate.fresh import FRESH, FreshValues
from conformance.candidate.learning import Learning
from conformance.candidate.mapping import Operation, Step, Until
from conformance.candidate.offering import Offer, offer_of
from conformance.candidate.problems import http_problems
from conformance.candidate.raw import RecordedSocket, secure_context
from conformance.candidate.redirecting import redirected
from conformance.candidate.repeating import Repeats
from conformance.candidate.secrets import Secrets
from conformance.candidate.session import Session
from conformance.candidate.signing import sign_draft, signs
from conformance.candidate.understand import Parsed, judge, keep, understand
from conformance.candidate.words import word
from conformance.errors import FileProblems, Problem
from conformance.model.candidate import CandidateFile, Effect
from conformance.sdk.answers import Accepted, Answer, Broken, Exchange, Refused
from conformance.sdk.drivers import RawSocket, Recorder
from conformance.sdk.findings import NotTested
from conformance.sdk.load import Lifetime, WireRequest
from conformance.sdk.prepared import Prepared, Stage

#: Redirects followed at most, where a mapping says that they are followed at all.
REDIRECTS_MAX = 5


class HttpDriver:
    """A bound candidate. Thread-safe; connections and tokens are kept between operations."""

    def __init__(self, candidate: CandidateFile, recorder: Recorder) -> None:
        problems = http_problems(candidate)
        if problems:
            raise FileProblems(str(candidate.path or "candidate.toml"), problems)
        self._file = candidate
        self._secrets = Secrets.of(candidate, recorder)
        self._session = Session.of(candidate, recorder, self._secrets)
        self._contexts: dict[tuple[str, str], ssl.SSLContext] = {}
        self._offer: Offer = offer_of(candidate)
        self._bare = bare_operation(candidate.mapping)
        self._repeats = Repeats()
        self._fresh = FreshValues()
        self._acting = Acting(candidate, self._secrets)
        self._authentication = Authentication(self._ask, self._secrets)
        self._proofs = Proofs(self._secrets)
        self._learning = Learning(self._secrets)
        self._ceiling = candidate.scope.ceiling()

    # -- the driver protocol ------------------------------------------------------------------------------

    def operations(self) -> frozenset[str]:
        """Return the operations offered."""
        return self._offer.names

    def endpoints(self) -> tuple[str, ...]:
        """Return the names of further endpoints."""
        return tuple(self._file.endpoints)

    def perform(self, prepared: Prepared) -> Answer:
        """Make the calls of an operation; raises NotTested only for what the candidate file lacks or forbids."""
        operation = self._operation(prepared.operation)
        return self._run(operation, prepared)

    def socket(self, endpoint: str, timeout_s: float) -> RawSocket:
        """Open a recorded TCP connection."""
        return RecordedSocket(self._session, self._base(endpoint), timeout_s)

    def close(self) -> None:
        """Close connections."""
        self._session.close()

    # -- HTTP itself --------------------------------------------------------------------------------------

    def request(self, prepared: Prepared) -> Answer:
        """Send a request of no operation, as its edits describe it."""
        return self._run(self._bare, prepared)

    def connection(self, endpoint: str, user: str | None, timeout_s: float) -> RawSocket:
        """Open a recorded connection, through verified TLS where the URL says https, as ``user`` would."""
        url = self._base(endpoint)
        if not url.startswith("https"):
            return RecordedSocket(self._session, url, timeout_s)
        caller = self._acting.caller(user)
        return RecordedSocket(self._session, url, timeout_s, self._secure(caller), self._identity(caller))

    def together(self, prepared: Sequence[Prepared]) -> list[Answer]:
        """Send requests at the same moment; earlier calls of operations made of several come before that moment."""
        ready = [self._ready(item) for item in prepared]
        waiting = [item for item in ready if isinstance(item, Call)]
        requests = [
            Aimed(self._finished(call).finished(), self._secure(call.caller), self._identity(call.caller))
            for call in waiting
        ]
        limits = self._file.limits
        sent = iter(together(self._session, requests, limits.timeout_s, limits.response_bytes_max) if requests else ())
        return [self._answer(item, next(sent)) if isinstance(item, Call) else item for item in ready]

    def _ready(self, prepared: Prepared) -> Call | Answer:
        """Make the calls that come before an operation's last one, and return that, not yet sent."""
        operation = self._operation(prepared.operation)
        arguments = self._before_last(operation, prepared)
        return (
            self._call(operation, operation.main, prepared, arguments, main=True)
            if isinstance(arguments, dict)
            else arguments
        )

    def _identity(self, caller: Caller | None) -> tuple[str, str]:
        chosen = caller.identity(self._file.tls) if caller else ("", "")
        return self._session.identity if chosen is None else chosen

    def _secure(self, caller: Caller | None) -> ssl.SSLContext:
        identity = self._identity(caller)
        if identity not in self._contexts:
            self._contexts[identity] = secure_context(self._session, identity)
        return self._contexts[identity]

    # -- for load clients ---------------------------------------------------------------------------------

    def wire(self, prepared: Prepared) -> WireRequest:
        """Return the finished request of an operation, with the tagging headers.

        Raises NotTested for an operation that the mapping makes of several calls: it has no one wire form.
        """
        operation = self._operation(prepared.operation)
        if len(operation.steps) > 1:
            raise NotTested(f"{operation.name} is made of {len(operation.steps)} calls, not one", blame="CONFIG")
        call = self._call(operation, operation.main, prepared, self._given(operation, prepared), main=True)
        request = self._finished(call).finished()
        return replace(request, headers=(*request.headers, *self._session.tags().items()))

    def lifetimes(self, prepared: Prepared) -> tuple[Lifetime, ...]:
        """Return what stands in the finished request of an operation and runs out, as far as that is known."""
        operation = self._operation(prepared.operation)
        caller = self._call(operation, operation.main, prepared, prepared.arguments, main=True).caller
        if caller is None or not operation.main.auth:
            return ()
        seconds = int(caller.signing.get("expires_s", 0)) if signs(caller, operation.name) else 0
        signature = (Lifetime(f"the signature of {caller.name}", seconds),) if seconds > 0 else ()
        return (*self._authentication.lifetimes(caller), *signature)

    def interpret(self, prepared: Prepared, exchange: Exchange) -> Answer:
        """Return what a response to ``prepared`` means."""
        operation = self._operation(prepared.operation)
        return understand(operation, exchange, self._given(operation, prepared))

    # -- for the harness ----------------------------------------------------------------------------------

    def secrets(self) -> frozenset[str]:
        """Return all secret texts known: those the candidate file names, and tokens fetched so far."""
        self._secrets.reveal_all(
            self._file.auth,
            self._file.users,
            self._file.pool,
            self._file.signing,
            self._file.hooks,
            self._file.declared,
        )
        return self._secrets.values()

    def mapped(self) -> Mapping[str, Operation]:
        """Return the compiled mapping of every offered operation."""
        return {name: self._offer.compiled[name] for name in self._offer.names}

    @property
    def session(self) -> Session:
        """Return the session, for drivers built on this one."""
        return self._session

    # -- making an operation ------------------------------------------------------------------------------

    def _operation(self, name: str) -> Operation:
        if name not in self._offer.names:
            raise NotTested(f"candidate.toml does not offer {name}; {self._offer.why_not(name)}", blame="CONFIG")
        operation = self._offer.compiled[name]
        if not operation.effect.within(self._ceiling):
            reason = f"{name} has effect {operation.effect}, [scope] allows at most {self._ceiling}"
            raise NotTested(reason, blame="CONFIG")
        return operation

    def _run(self, operation: Operation, prepared: Prepared) -> Answer:
        arguments = self._before_last(operation, prepared)
        if not isinstance(arguments, dict):
            return arguments
        call = self._call(operation, operation.main, prepared, arguments, main=True)
        return self._answer(call, self._send(call))

    def _before_last(self, operation: Operation, prepared: Prepared) -> dict[str, Any] | Answer:
        """Make all calls of an operation but the last and return the arguments of that, or why it is not reached."""
        if len(operation.steps) == 1:
            return self._given(operation, prepared)
        key = str(prepared.arguments.get("idempotency_key") or "")
        kept = self._repeats.kept(operation.name, key, lambda: self._first_calls(operation, prepared))
        return {**prepared.arguments, **kept} if isinstance(kept, dict) else kept

    def _given(self, operation: Operation, prepared: Prepared) -> dict[str, Any]:
        """Return the arguments of an operation with the one fresh value of all its calls, where it places one."""
        given = dict(prepared.arguments)
        if FRESH in operation.placed and FRESH not in given:
            key = str(given.get("idempotency_key") or "")
            given[FRESH] = self._fresh.of(operation.name, prepared.user, key)
        return given

    def _first_calls(self, operation: Operation, prepared: Prepared) -> dict[str, Any] | Answer:
        arguments = self._given(operation, prepared)
        # Repeated with the rest: the last call may ask for what the first ones made under a fresh name.
        all_kept = {name: arguments[name] for name in (FRESH,) if name in arguments}
        for step in operation.steps[:-1]:
            if not step.needed(arguments):
                continue
            kept = self._intermediate(self._call(operation, step, prepared, arguments, main=False))
            if not isinstance(kept, dict):
                return kept
            arguments.update(kept)
            all_kept.update(kept)
        return all_kept

    def _answer(self, call: Call, exchange: Exchange | Broken) -> Answer:
        if isinstance(exchange, Broken):
            return exchange
        answer = understand(call.operation, exchange, call.arguments)
        if isinstance(answer, Accepted):
            self._note_owner(call, answer)
        if call.operation.until and isinstance(answer, Accepted):
            return self._settled(call.operation.until, call.prepared, answer)
        return answer

    def _note_owner(self, call: Call, answer: Accepted) -> None:
        """Remember whose the thing is that was made, where callers follow from what a call is about."""
        identifier = str(answer.value.get("id") or "")
        if call.step.in_users_place and call.operation.effect is not Effect.READ:
            self._acting.put(call.operation.name.partition(".")[0], identifier, call.caller)
        credentials = answer.value.pop("credentials", None) if call.operation.credentials else None
        if isinstance(credentials, dict):
            user = str(call.prepared.arguments.get("owner") or call.prepared.user or self._acting.default)
            self._acting.opened(identifier, user, credentials)
        elif call.step.owner_of and call.operation.effect is not Effect.READ:
            self._acting.own(identifier, call.caller)

    def _intermediate(self, call: Call) -> dict[str, Any] | Answer:
        exchange = self._send(call)
        if isinstance(exchange, Broken):
            return exchange
        verdict = judge(call.step, exchange, call.operation.decimals)
        if not isinstance(verdict, Parsed):
            return verdict
        try:
            return keep(call.step, Response(verdict.document, exchange, call.arguments, call.operation.states))
        except Unreadable as error:
            return Broken("schema", str(error), exchange)

    def _settled(self, until: Until, prepared: Prepared, first: Accepted) -> Answer:
        response = Response(first.value, first.exchange, prepared.arguments)
        try:
            arguments = {name: item.read(response) for name, item in until.arguments.items()}
        except Unreadable as error:
            return Broken("schema", str(error), first.exchange)
        asked = Prepared(until.operation, arguments, prepared.user, prepared.endpoint, self.perform)
        limit = time.monotonic() + until.deadline_s
        answer: Answer = first
        while True:
            if isinstance(answer, Accepted):
                state = word(until.at.first(answer.value))
                if state in until.refused:
                    return Refused(state, answer.exchange, answer.value)
                if state in until.means:
                    return Accepted({**first.value, **answer.value}, answer.exchange)
            if time.monotonic() >= limit:
                detail = f"{until.operation} did not reach {' or '.join(until.means)} in {until.deadline_s:g} s"
                return Broken("timeout", detail, answer.exchange)
            time.sleep(until.every_s)
            answer = self._run(self._offer.compiled[until.operation], asked)

    # -- one call -----------------------------------------------------------------------------------------

    def _call(
        self, operation: Operation, step: Step, prepared: Prepared, arguments: Mapping[str, Any], *, main: bool
    ) -> Call:
        caller = self._acting.of(operation, step, prepared, arguments, main=main)
        return Call(operation, step, prepared, arguments, caller, main)

    def _finished(self, call: Call) -> Draft:
        """Return the request after all its stages."""
        edits = call.prepared.edits if call.main else ()
        base = self._base(call.step.endpoint or call.prepared.endpoint)
        fields = tuple(edit for edit in call.prepared.edits if edit.stage is Stage.FIELDS)
        value = self._member_of(call.caller, base)
        place = self._acting.place(call.arguments, call.caller, value) if call.step.in_users_place else value
        draft = compose(call.operation, call.step, base, call.arguments, fields, value, place, main=call.main)
        draft.apply(edits, Stage.BYTES)
        draft.apply(edits, Stage.REQUEST)
        if call.caller and call.step.auth:
            self._authentication.apply(draft, call.caller)
            # What a check says about a header holds against what the scheme put there.
            draft.apply((edit for edit in edits if edit.kind in ("header", "drop-header")), Stage.REQUEST)
        if call.caller and shows_proof(call):
            self._proofs.add(draft, call.caller)
        if call.step.auth:
            self._sign(draft, call)
        draft.apply(edits, Stage.WIRE)
        return draft

    def _sign(self, draft: Draft, call: Call) -> None:
        if call.caller and call.caller.signing:
            sign_draft(draft, call.caller, self._secrets, call.operation.name)

    def _member_of(self, caller: Caller | None, base: str) -> Any:
        def value(name: str) -> Any:
            if caller is None:
                return None
            if name in ("client_assertion", "client_assertion_type"):
                return assertion_member(caller, name, base)
            if name == "client_secret" and caller.settings.get("private_key"):
                return None  # a client proves itself in one way only
            return caller.value(name)

        return value

    def _send(self, call: Call) -> Exchange | Broken:
        request = self._finished(call).finished()
        identity = call.caller.identity(self._file.tls) if call.caller else ("", "")
        exchange = self._session.send(request, identity=identity, learn=self._learning.of(call))
        if shows_proof(call) and isinstance(exchange, Exchange) and self._proofs.asked_again(request, exchange):
            request = self._finished(call).finished()
            exchange = self._session.send(request, identity=identity, learn=self._learning.of(call))
        for _ in range(REDIRECTS_MAX if call.step.redirects else 0):
            following = redirected(request, exchange)
            if following is None:
                break
            request = following
            exchange = self._session.send(request, identity=identity)
        return exchange

    def _ask(self, operation: str, caller: Caller) -> Answer:
        compiled = self._offer.compiled.get(operation)
        if compiled is None:
            raise NotTested(f"{operation} is not mapped, and {caller.name} needs it to authenticate", blame="CONFIG")
        prepared = Prepared(operation, {}, caller.name, "", self.perform)
        return self._run(replace(compiled, steps=tuple(replace(step, auth=False) for step in compiled.steps)), prepared)

    def _base(self, endpoint: str) -> str:
        url = self._file.endpoints[endpoint] if endpoint else self._file.base_url
        return url.rstrip("/")


class HttpDriverFactory:
    """Binds candidates whose file says ``driver = "http"``."""

    name = "http"

    def problems(self, candidate: CandidateFile) -> list[Problem]:
        """Return every mistake in mapping, users and signing."""
        return http_problems(candidate)

    def open(self, candidate: CandidateFile, recorder: Recorder) -> HttpDriver:
        """Bind a candidate; raises FileProblems with all mistakes."""
        return HttpDriver(candidate, recorder)


DRIVER = HttpDriverFactory()
