"""Guessing, flooding and forgetting: what is counted, limited and written down."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from conformance.sdk import (
    Accepted,
    Answer,
    Broken,
    Candidate,
    Effect,
    Evidence,
    Inconclusive,
    NotApplicable,
    NotTested,
    Params,
    accepted,
    check,
    describe,
    expect,
)
from conformance_security.declared import declared
from conformance_security.reads import some_read
from conformance_security.scene import Scene, control

#: Where developers' and operators' pages are commonly left open.
HIDDEN_PATHS = (
    "/debug", "/debug/pprof/", "/metrics", "/actuator", "/actuator/env", "/actuator/heapdump", "/server-status",
    "/.env", "/.git/config", "/phpinfo.php", "/h2-console",
)  # fmt: skip
#: Records of the audit log asked for at once.
PAGE = 200
#: What nobody chose.
WRONG = "not-the-password"
#: A path that no product has: what it answers shows whether every path is answered alike.
NO_PATH = "/conformance-7f3a9c51-no-such-page"


@check("SEC-D01", needs=("login",), effects=Effect.DISRUPTIVE)
def password_guessing_is_stopped(candidate: Candidate, evidence: Evidence, params: Params) -> None:
    """After ten wrong passwords at most, further ones are answered otherwise: locked, delayed or throttled."""
    user = _victim(candidate)
    control(candidate.as_user(user).prepare("login"), f"logging in as {user} with the right password")
    most = int(declared(candidate, "login_attempts_max", params["login_attempts_max"]))
    first = _guess(candidate, user)
    for attempt in range(2, most + 2):
        last = _guess(candidate, user)
        if _stopped(first, last):
            evidence.note("wrong passwords until guessing was stopped", attempt)
            return
    expect(
        False,
        f"password guessing must be stopped after {most} wrong passwords",
        expected="another answer: locked (403, 423) or throttled (429)",
        actual=f"attempt {most + 1} {describe(last)}, as the first",
    )


@check("SEC-D02", effects=Effect.DISRUPTIVE, deadline_s=60)
def bursts_are_throttled(candidate: Candidate, evidence: Evidence) -> None:
    """A burst of twice the stated quota is answered 429 with Retry-After before its end."""
    quota = declared(candidate, "limits")
    if not isinstance(quota, dict):
        raise NotTested("candidate.toml states no quota: declare [declared.security.limits]", blame="CONFIG")
    request = some_read(candidate).with_path(str(quota["path"]))
    accepted(request, "the first request within the quota")
    sent = 2 * int(quota["requests"])
    throttled = next((answer for answer in (request.send() for _ in range(sent)) if _throttled(answer)), None)
    expect(
        throttled is not None,
        "a burst above the stated quota must be throttled",
        expected=f"429 within {sent} requests",
        actual="every request served",
    )
    expect(
        throttled is not None and throttled.exchange.header("Retry-After") != "",
        "an answer 429 must say in Retry-After when to come back",
        expected="Retry-After",
        actual="no such header",
    )


@check(
    "SEC-D10", needs=("payments.create", "audit.list", "audit.verify"), users=("auditor",), effects=Effect.DESTRUCTIVE
)
def transfers_leave_an_unalterable_record(candidate: Candidate, evidence: Evidence) -> None:
    """Each transfer leaves an audit record with actor, time and hash; altering one record is detected.

    The record is altered through the hook ``inject`` (kind ``audit-tamper``), as an intruder with the database would.
    """
    payment = str(Scene.set(candidate, evidence).paid().value["id"])
    auditor = candidate.as_user("auditor")
    record = next((item for item in audited(auditor) if payment in str(item)), None)
    expect(record is not None, "every transfer must leave an audit record", expected=payment, actual="no record of it")
    missing = [name for name in ("actor", "at", "hash") if not (record or {}).get(name)]
    expect(
        not missing,
        "an audit record must name actor, time and hash",
        expected="actor, at, hash",
        actual=f"without {', '.join(missing)}",
    )
    before = accepted(auditor.call("audit.verify"), "verifying the audit log")
    if before.get("valid") is not True:
        raise Inconclusive("positive control: the audit log does not verify before anything was altered")
    if "inject" not in candidate.file.hooks:
        raise NotTested("hook 'inject' is not declared in candidate.toml, so no record can be altered")
    candidate.hook("inject", kind="audit-tamper", seq=(record or {}).get("seq"), action="alter")
    after = accepted(auditor.call("audit.verify"), "verifying the audit log after a record was altered")
    expect(
        after.get("valid") is False,
        "an altered audit record must be detected",
        expected="valid: false",
        actual=f"valid: {after.get('valid')}",
    )


@check("SEC-D12")
def hidden_pages_are_closed(candidate: Candidate, evidence: Evidence) -> None:
    """Debug, metrics and management pages are not served to a caller without credentials."""
    request = some_read(candidate).without_credentials()
    if _served(request.with_path(NO_PATH).send()):
        raise Inconclusive("the product answers 200 to any path, so an open page cannot be told from a closed one")
    open_pages = [path for path in HIDDEN_PATHS if _served(request.with_path(path).send())]
    expect(
        not open_pages,
        "debug, metrics and management pages must be closed to strangers",
        expected="401, 403 or 404",
        actual=f"200 for {', '.join(open_pages)}",
    )
    evidence.note("paths tried", list(HIDDEN_PATHS))


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


def _victim(candidate: Candidate) -> str:
    """Return the user whose login may be locked: the last one declared with a user name, not the check's own."""
    named = [name for name, section in candidate.file.users.items() if section.get("username")]
    others = [name for name in named if name != candidate.user and candidate.file.auth.get("scheme") != "login"]
    if not others:
        raise NotTested("no user whose login may be locked: declare one with username and password", blame="CONFIG")
    return others[-1]


def _guess(candidate: Candidate, user: str) -> Answer:
    answer = candidate.as_user(user).call("login", password=WRONG)
    if WRONG.encode() not in answer.exchange.request_body:
        raise NotTested("the mapping of login does not take the argument password", blame="CONFIG")
    expect(
        not isinstance(answer, Accepted), "a wrong password must be refused", expected="401", actual=describe(answer)
    )
    return answer


def _stopped(first: Answer, last: Answer) -> bool:
    """Tell whether guessing was stopped: throttled, locked, or answered otherwise than the first wrong password."""
    if isinstance(last, Broken):
        return _throttled(last)
    return (_sign(first)) != (_sign(last)) and last.exchange.status in (403, 423, 429)


def _sign(answer: Answer) -> tuple[int, str]:
    return answer.exchange.status, getattr(answer, "code", "")


def _throttled(answer: Answer) -> bool:
    return isinstance(answer, Broken) and answer.kind == "throttled"


def _cookies(header: str) -> list[str]:
    """Split joined Set-Cookie headers; a comma inside an expiry date separates nothing."""
    return [cookie.strip() for cookie in re.split(r",\s*(?=[^;,\s]+=)", header) if cookie.strip()]


# -- audit and hidden pages -----------------------------------------------------------------------------------------


def audited(auditor: Candidate) -> Iterator[dict[str, Any]]:
    """Give every record of the audit log, page by page."""
    cursor: str | None = None
    for _ in range(1_000):
        page = accepted(auditor.call("audit.list", cursor=cursor, limit=PAGE), "a page of the audit log")
        yield from page.get("items", ())
        cursor = page.get("next")
        if not cursor:
            return


def _served(answer: Answer) -> bool:
    return 200 <= answer.exchange.status < 300
