"""Guessing, flooding and looking around: what is counted, limited and closed."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from conformance.sdk import (
    Accepted,
    Answer,
    Candidate,
    Effect,
    Evidence,
    Inconclusive,
    NotApplicable,
    NotTested,
    Params,
    Prepared,
    accepted,
    check,
    describe,
    expect,
    must_accept,
)
from conformance_security.declared import declared
from conformance_security.delays import CALM_S, WAIT_S, Delays, seconds, served_at_once, unanswered
from conformance_security.heard import heard, lost, throttled
from conformance_security.races import shown
from conformance_security.reads import some_read
from conformance_security.scene import control

#: Where developers' and operators' pages are commonly left open.
HIDDEN_PATHS = (
    "/debug", "/debug/pprof/", "/metrics", "/actuator", "/actuator/env", "/actuator/heapdump", "/server-status",
    "/.env", "/.git/config", "/phpinfo.php", "/h2-console",
)  # fmt: skip
#: Where frameworks show all routes of a product, or let anybody try them.
MAPS = (
    "/openapi.json", "/openapi.yaml", "/swagger.json", "/swagger-ui/", "/v3/api-docs", "/v2/api-docs", "/graphiql",
)  # fmt: skip
#: Requests of a burst that go at once, and requests of a whole burst at most.
AT_ONCE, QUOTA_MAX = 50, 2_000
GUESSING = "password guessing must be stopped"
#: What nobody chose.
WRONG = "not-the-password"
#: A path that no product has: what it answers shows whether every path is answered alike.
NO_PATH = "/conformance-7f3a9c51-no-such-page"


@check("SEC-D01", needs=("login",), effects=Effect.DISRUPTIVE, deadline_s=300)
def password_guessing_is_stopped(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """After ten wrong passwords at most, further ones are throttled or wait, or the right one is refused as well.

    How a product says that it has locked a user is its own affair: by 403 or 423, by a code of its own under any
    status, or not at all. What counts is that whoever guesses right next is not let in. A product may answer later
    and later instead, if a guess then takes 30 s or longer: one beside the others too, and a right one as well.
    """
    user, most = _victim(candidate), _most(candidate, params)
    right = candidate.as_user(user).prepare("login")
    calm_s = seconds(control(right, f"logging in as {user} with the right password"))
    guesses = _guessed(candidate, user, most + 1, calm_s)
    delays = Delays.of(calm_s, guesses)
    if delays.held:
        _require_wait(candidate, user, f"{GUESSING} after {most} wrong passwords", most)
        evidence.note("seconds that logins took", delays.shown())
    elif not throttled(guesses[-1]):
        after = right.send()
        let_in = not throttled(after) and isinstance(heard(after, "the right password after wrong ones"), Accepted)
        if let_in and delays.growing:
            raise Inconclusive(
                f"wrong passwords are answered later and later ({delays.shown()}), but {len(guesses)} of them do not "
                f"show whether a guess comes to take {WAIT_S:g} s: let the wait reach that within {most}",
                blame="PRODUCT",
            )
        expect(
            not let_in,
            f"{GUESSING} after {most} wrong passwords",
            expected="further attempts throttled (429) or made to wait, or the user locked: the right password refused "
            "as well",
            actual=f"attempt {len(guesses)} {describe(guesses[-1])}, the first {describe(guesses[0])}; then the right "
            f"password was {describe(after)}",
        )
    evidence.note("wrong passwords until guessing was stopped, at most", len(guesses))


@check("SEC-D01.elsewhere", requirement="SEC-D01", needs=("login",), effects=Effect.DISRUPTIVE)
def a_lock_stays_with_who_guessed(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """A user whom one client has locked by guessing still logs in from another: nobody can lock out somebody else.

    ``[declared.security] other_client`` names the endpoint at which the product takes the harness for another client,
    a proxy with an address of its own for example; it is false where a lock is meant for the user, whoever guessed.
    """
    other = declared(candidate, "other_client")
    if other is False:
        raise NotApplicable("the product locks a user for every client alike, as the candidate file says")
    if not other:
        raise NotTested(
            "the harness has only one address: declare [declared.security] other_client, an endpoint at which the "
            "product takes it for another client, or false where locks are meant for every client alike",
            blame="CONFIG",
        )
    user = _victim(candidate, 0)
    elsewhere = candidate.at(str(other)).as_user(user).prepare("login")
    control(elsewhere, f"logging in as {user} from another client")
    _guessed(candidate, user, _most(candidate, params) + 1)
    if isinstance(candidate.as_user(user).call("login"), Accepted):
        raise Inconclusive("the client that guessed is not locked out, so nothing is known of others: see SEC-D01")
    must_accept(elsewhere, "a user whom one client has locked must still log in from another")


@check("SEC-D02", effects=Effect.DISRUPTIVE, deadline_s=60)
def bursts_are_throttled(candidate: Candidate, evidence: Evidence) -> None:
    """A burst of more than twice the stated quota, within the time that it is for, is answered 429 with Retry-After.

    One more than twice, because a product may count by the clock: a burst that falls on the turn of the minute has
    the quota of both. A burst that took longer than the quota is for shows nothing.
    """
    quota = _Quota.declared(candidate)
    request = some_read(candidate).with_path(quota.path)
    accepted(request, "the first request within the quota")
    answers, took_s = _burst(candidate, request, quota.exceeding)
    evidence.note("burst", {"requests": len(answers), "milliseconds": round(1000 * took_s)})
    refusal = next((answer for answer in answers if throttled(answer)), None)
    if refusal is None and (took_s > quota.per_seconds or lost(answers)):
        raise Inconclusive(
            f"{len(answers)} requests took {took_s:.1f} s ({shown(answers)}), but the quota is for "
            f"{quota.per_seconds:g} s: come nearer, raise [limits] requests_per_second_max, or lower the quota",
            blame="CONFIG",
        )
    expect(
        refusal is not None,
        "a burst above the stated quota must be throttled",
        expected=f"429 within {len(answers)} requests",
        actual=shown(answers),
    )
    expect(
        refusal is not None and refusal.exchange.header("Retry-After") != "",
        "an answer 429 must say in Retry-After when to come back",
        expected="Retry-After",
        actual="no such header",
    )


@check("SEC-D12")
def hidden_pages_are_closed(candidate: Candidate, evidence: Evidence) -> None:
    """Debug, metrics and management pages are not served to a caller without credentials, nor maps of all routes.

    They are looked for below the base URL and at its origin: they need not lie where the interface does. The document
    that ``[declared.security.openapi] path`` names may be public.
    """
    # A page is fetched by GET, however the product is asked for anything else.
    request = some_read(candidate).without_credentials().with_method("GET").with_bytes(b"")
    roots = _Root.of(candidate)
    blind = [root.path or "/" for root in roots if _served(root.page(request, NO_PATH))]
    told = [root for root in roots if (root.path or "/") not in blind]
    for paths, what, expected in (
        (HIDDEN_PATHS, "debug, metrics and management pages must be closed to strangers", "401, 403 or 404"),
        (
            MAPS,
            "maps of all routes must be closed to strangers",
            "401, 403 or 404, or the document declared as public: [declared.security.openapi] path",
        ),
    ):
        asked = [(root, path) for root in told for path in paths if root.path + path != _published(candidate)]
        open_pages = [root.path + path for root, path in asked if _served(root.page(request, path))]
        expect(not open_pages, what, expected=expected, actual=f"200 for {', '.join(open_pages)}")
        evidence.note(f"paths tried: {what.partition(' must')[0]}", [root.path + path for root, path in asked])
    if blind:
        raise Inconclusive(
            f"the product answers 200 to any path below {' and '.join(blind)}, so an open page cannot be told from a "
            "closed one"
        )


@check("SEC-D13", needs=("login",), effects=Effect.WRITE)
def session_cookies_are_protected(candidate: Candidate, evidence: Evidence) -> None:
    """Every cookie that a login sets is Secure, HttpOnly and SameSite."""
    answer = control(candidate.prepare("login"), "logging in with user name and password")
    cookies = _cookies(answer.exchange.header("Set-Cookie"))
    if not cookies:
        raise NotApplicable("the login sets no cookie")
    for cookie in cookies:
        missing = [flag for flag in ("Secure", "HttpOnly", "SameSite") if not re.search(rf";\s*{flag}\b", cookie, re.I)]
        expect(
            not missing,
            "a session cookie must be Secure, HttpOnly and SameSite",
            expected="Secure; HttpOnly; SameSite",
            actual=f"{cookie.partition('=')[0].strip()} without {', '.join(missing)}",
        )


# -- logging in -----------------------------------------------------------------------------------------------------


def lockable(candidate: Candidate) -> list[str]:
    """Return the users whom checks may lock, never their own: the last ones, two where enough are left for the rest."""
    named = [name for name, section in candidate.file.users.items() if section.get("username")]
    others = [name for name in named if name != candidate.user]
    return others[-2:] if len(others) > 2 else others[-1:]


def _victim(candidate: Candidate, number: int = -1) -> str:
    """Return the user whose login may be locked, another one for each number if there are two."""
    users = lockable(candidate)
    if not users or candidate.file.auth.get("scheme") == "login":
        raise NotTested("no user whose login may be locked: declare one with username and password", blame="CONFIG")
    return users[number]


def _guess(candidate: Candidate, user: str) -> Answer:
    answer = candidate.as_user(user).call("login", password=WRONG)
    if WRONG.encode() not in answer.exchange.request_body:
        raise NotTested("the mapping of login does not take the argument password", blame="CONFIG")
    expect(
        not isinstance(answer, Accepted), "a wrong password must be refused", expected="401", actual=describe(answer)
    )
    return answer


def _guessed(candidate: Candidate, user: str, times: int, calm_s: float = 0.0) -> list[Answer]:
    """Try wrong passwords, until guessing is throttled or has to wait; the answers, the last one of these included.

    ``calm_s`` is how long a login took before.
    """
    guesses: list[Answer] = []
    while len(guesses) < times:
        guesses.append(_guess(candidate, user))
        delays = Delays.of(calm_s, guesses)
        if throttled(guesses[-1]) or delays.held:
            break
        if unanswered(guesses[-1]) and delays.calm:
            raise Inconclusive(
                f"wrong password {len(guesses)} was not answered in time ({delays.shown()}): if the product makes "
                f"guesses wait, raise [limits] timeout_s above {WAIT_S:g}, so that the wait can be seen",
                blame="CONFIG",
            )
        heard(guesses[-1], "a wrong password")
    return guesses


def _require_wait(candidate: Candidate, user: str, message: str, most: int) -> None:
    """Require that waiting limits the guesses: one beside the others too, and a right one, but no other user."""
    wrong = candidate.as_user(user).prepare("login", password=WRONG)
    served, room = served_at_once(candidate.together([wrong] * (most + 1)))
    expect(
        served <= room,
        f"{message}; a wait must hold for guesses made at once as well",
        expected=f"one guess in {WAIT_S:g} s",
        actual=f"{served} of {most + 1} answered in less than {room * WAIT_S:g} s",
    )
    after = candidate.as_user(user).call("login")
    in_time = unanswered(after) or throttled(after) or not isinstance(heard(after, "the right password"), Accepted)
    expect(
        in_time or seconds(after) >= WAIT_S,
        f"{message}; a wait for wrong passwords alone tells them from the right one before it is over",
        expected=f"the right password refused, or accepted after {WAIT_S:g} s",
        actual=f"accepted after {seconds(after):.1f} s",
    )
    _require_quick(candidate, user)


def _require_quick(candidate: Candidate, but: str) -> None:
    """Raise Inconclusive unless another user logs in quickly: the product itself may have become slow."""
    others = [name for name, section in candidate.file.users.items() if section.get("username") and name != but]
    for name in others[:1]:
        answer = candidate.as_user(name).call("login")
        if isinstance(answer, Accepted) and seconds(answer) <= CALM_S:
            return
    raise Inconclusive(
        f"guesses have to wait, but no other user was seen to log in within {CALM_S:g} s meanwhile, so the product may "
        "just have become slow, or make everybody wait: declare another user with username and password",
        blame="PRODUCT",
    )


def _most(candidate: Candidate, params: Params) -> int:
    return int(declared(candidate, "login_attempts_max", params["login_attempts_max"]))


def _cookies(header: str) -> list[str]:
    """Split joined Set-Cookie headers; a comma inside an expiry date separates nothing."""
    return [cookie.strip() for cookie in re.split(r",\s*(?=[^;,\s]+=)", header) if cookie.strip()]


# -- bursts ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Quota:
    """What a product says that it serves: so many requests to a path in so many seconds."""

    path: str
    requests: int
    per_seconds: float

    @property
    def exceeding(self) -> int:
        """Requests that no way of counting can let through in that time."""
        return 2 * self.requests + 1

    @classmethod
    def declared(cls, candidate: Candidate) -> _Quota:
        """Read the candidate file; raises NotTested where it states no quota, or one that cannot be exceeded."""
        section = declared(candidate, "limits")
        if not isinstance(section, Mapping) or not {"path", "requests", "per_seconds"} <= set(section):
            raise NotTested(
                "candidate.toml states no quota: declare path, requests and per_seconds in [declared.security.limits]",
                blame="CONFIG",
            )
        quota = cls(str(section["path"]), int(section["requests"]), float(section["per_seconds"]))
        pace = candidate.file.limits.requests_per_second_max
        # Besides what the pace lets through in that time, a second's worth may go at once.
        if quota.exceeding > QUOTA_MAX or quota.exceeding > pace * (quota.per_seconds + 1):
            raise NotTested(
                f"a quota of {quota.requests} requests in {quota.per_seconds:g} s cannot be exceeded: lower it in the "
                "test environment, or raise [limits] requests_per_second_max",
                blame="CONFIG",
            )
        return quota


def _burst(candidate: Candidate, request: Prepared, number: int) -> tuple[list[Answer], float]:
    """Send a request so often, as many at once as can be, until it is throttled; the answers, and the seconds taken."""
    answers: list[Answer] = []
    begin = time.monotonic()
    while len(answers) < number and not any(map(throttled, answers[-AT_ONCE:])):
        answers += candidate.together([request] * min(AT_ONCE, number - len(answers)))
    return answers, time.monotonic() - begin


# -- hidden pages -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Root:
    """Below what pages are looked for: ``path`` in full, and ``before``, which stands before it in a request."""

    path: str
    before: str

    @classmethod
    def of(cls, candidate: Candidate) -> tuple[_Root, ...]:
        """Return the base URL, and its origin where the base URL has a path of its own."""
        url = urlsplit(candidate.file.base_url)
        base = cls(url.path.rstrip("/"), "")
        return (base, cls("", f"{url.scheme}://{url.netloc}")) if base.path else (base,)

    def page(self, request: Prepared, path: str) -> Answer:
        """Ask for a page as a stranger does."""
        return heard(request.with_path(self.before + path).send(), f"a stranger's request for {self.path}{path}")


def _published(candidate: Candidate) -> str:
    """Return the whole path of the document that the candidate file declares, or ""."""
    settings = declared(candidate, "openapi")
    path = str(settings.get("path") or "") if isinstance(settings, Mapping) else ""
    if path.startswith(("http://", "https://")):
        return urlsplit(path).path
    return path and urlsplit(candidate.file.base_url).path.rstrip("/") + path


def _served(answer: Answer) -> bool:
    return 200 <= answer.exchange.status < 300
