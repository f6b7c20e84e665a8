"""The proposal: a whole candidate.toml out of an OpenAPI document, every guess with its confidence and reason."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from conformance.contract.neutral import neutral_operations
from conformance.openapi.access import Access, access_of, asked_by, users_of
from conformance.openapi.combining import borrowed, derived, invoice_steps, pooled, settling
from conformance.openapi.document import Document, Endpoint
from conformance.openapi.envelope import Envelope, envelope_of, unwrapped
from conformance.openapi.likeness import alike, perhaps
from conformance.openapi.matching import CERTAIN, Match, Matching, match
from conformance.openapi.members import tokens
from conformance.openapi.needs import weigh_needs
from conformance.openapi.reading import error_codes
from conformance.openapi.shaping import Shaped, arguments_of, shape
from conformance.openapi.toml_out import Line, Section, one_line

#: Possible pairs that are named, at most.
POSSIBLE_MAX = 12

#: Statuses above 499 that mean what they always mean.
_USUAL_FAILURES = {"500", "501", "502", "503", "504", "5XX", "5xx"}

#: Operations worth naming where nothing was found for them; others are parts of suites a product may not claim.
WANTED = (
    "accounts.open", "accounts.read", "accounts.list", "accounts.balance", "accounts.statement", "payments.create",
    "payments.read", "payments.list", "payments.cancel", "payments.refund", "consents.grant", "consents.read",
    "consents.revoke", "token", "login", "notices.subscribe", "audit.list",
)  # fmt: skip


@dataclass(slots=True)
class Proposal:
    """What is written, and what was found on the way."""

    document: Document
    matching: Matching
    neutral: list[str]
    shaped: list[Shaped]
    access: Access
    source: str
    envelope: Envelope | None = None
    perhaps: list[Shaped] = field(default_factory=list)
    head: list[Section | Line | str] = field(default_factory=list)

    @property
    def confidences(self) -> dict[str, float]:
        """Return how sure each proposed operation is."""
        return {pair.operation: pair.confidence for pair in self.matching.pairs}

    def text(self) -> str:
        """Return candidate.toml."""
        parts = [_title(self), *_access_text(self), _mapping_text(self)]
        parts += ["\n\n".join(section.text() for section in one.sections) for one in (*self.shaped, *self.perhaps)]
        parts += [_pool_text(self), _left_text(self), _end_text()]
        return "\n\n".join(part for part in parts if part) + "\n"


def propose(document: Document, source: str = "") -> Proposal:
    """Return the proposal for a document."""
    envelope = envelope_of(document)
    document = unwrapped(document, envelope) if envelope else document
    matching = match(document)
    neutral = [pair.operation for pair in matching.pairs if is_neutral(document, pair)]
    pairs = [pair for pair in matching.pairs if pair.operation not in neutral]
    account = _account_word(matching)
    shaped: list[Shaped] = []
    for pair in pairs:
        reference = next((one.words.reference for one in shaped if one.operation == "payments.create"), "")
        shaped.append(shape(document, pair, account, reference))
    invoice_steps(document, pairs, shaped)
    borrowed(shaped)
    shaped += derived(document, matching, shaped)
    settling(document, matching, shaped)
    pooled(shaped)
    matching = weigh_needs(matching, shaped)
    access = access_of(document, matching)
    _other_schemes(document, matching, shaped, access)
    resembling = alike(document, matching)
    # What is perhaps an operation is named as possible where the operation is said to be missing.
    matching = dataclasses.replace(matching, possible=(*matching.possible, *resembling))
    found = Proposal(document, matching, neutral, shaped, access, source or document.source, envelope)
    found.perhaps = perhaps(document, resembling)
    return found


def _account_word(matching: Matching) -> str:
    """Return what the product calls an account, in the singular: the word in the path that reads one."""
    pair = matching.of("accounts.read") or matching.of("accounts.list")
    words = [part for part in pair.endpoint.path.split("/") if part and not part.startswith("{")] if pair else []
    return "_".join(tokens(words[-1])) if words else ""


def _other_schemes(document: Document, matching: Matching, shaped: list[Shaped], access: Access) -> None:
    """Say where an operation asks for other credentials than the rest."""
    for one in shaped:
        pair = matching.of(one.operation)
        if pair is None or not one.sections or pair.endpoint.security == ():
            continue
        asked = asked_by(document, pair.endpoint.security)
        if asked and access.name and access.name not in asked:
            said = f"  ? it asks for {' or '.join(asked)}, not for {access.name}: give it a caller of its own"
            one.sections[0].comments.append(said)


def is_neutral(document: Document, pair: Match) -> bool:
    """Tell whether an endpoint is the neutral form itself, so that nothing needs to be mapped."""
    entry = neutral_operations().get(pair.operation)
    if entry is None or pair.endpoint.name != pair.operation:
        return False
    if (pair.endpoint.method, pair.endpoint.path) != (entry.get("method", "GET"), entry.get("path")):
        return False
    properties = document.resolve(pair.endpoint.body or {}).get("properties") or {}
    known = {item.name for item in pair.endpoint.parameters} | set(properties)
    closed = bool(properties)
    body = [name for name in entry.get("body") or () if name != "*"]
    return not closed or all(name in known for name in body)


def _title(made: Proposal) -> str:
    document = made.document
    found = {*made.neutral, *(one.operation for one in made.shaped)}
    doubtful = len(found - {pair.operation for pair in made.matching.pairs if pair.confidence >= CERTAIN})
    perhaps_too = f" {len(made.perhaps)} more are perhaps there, and commented out;" if made.perhaps else ""
    lines = [
        "#:schema schemas/candidate.schema.json",
        f"# Proposed from {one_line(made.source)} by `conformance init --from-openapi`.",
        f"# {len(found)} operations found, {doubtful} of them doubtful (marked ?), each with its reasons;{perhaps_too}",
        f"# {len(made.matching.theirs)} of {len(document.endpoints)} endpoints are left over, listed below.",
        "# Next: look at the lines marked ?, set the secrets, then run `conformance doctor`.",
        "",
        Line("name", document.title).text(),
        Line("version", document.version, "of the document; write the exact version of the product under test").text(),
        _base_url(document),
    ]
    if made.neutral:
        lines.append(Line("supports", supports(made.neutral), "in the neutral form already, nothing to map").text())
    return "\n".join(lines)


def _base_url(document: Document) -> str:
    url = document.server
    if url.startswith(("http://", "https://")):
        return Line("base_url", url, "the first server of the document; use a test environment").text()
    said = f"CHANGE THIS: the document names {url!r} only" if url else "CHANGE THIS: the document names no server"
    return Line("base_url", f"http://127.0.0.1:8080{url if url.startswith('/') else ''}".rstrip("/"), said).text()


def supports(operations: list[str]) -> list[str]:
    """Return groups where all of a group is there, single operations otherwise."""
    groups = Counter(_group(name) for name in neutral_operations())
    found = Counter(_group(name) for name in operations)
    whole = {group for group, count in found.items() if count == groups[group]}
    return [*sorted(whole), *(name for name in operations if _group(name) not in whole)]


def _group(name: str) -> str:
    return str(neutral_operations().get(name, {}).get("group") or name.partition(".")[0])


#: What is said of users, by how many there are.
_WHO = {
    1: (
        "no second customer: ownership between two needs callers that the product can tell apart, and without",
        "credentials it cannot; add [users.bob] when each sends something of its own",
    ),
    2: ("two customers who may not see each other's accounts; the first is the default",),
}


# -- who calls ------------------------------------------------------------------------------------------------------


def _access_text(made: Proposal) -> list[str]:
    access = made.access
    prefix = re.sub(r"[^A-Z0-9]+", "_", made.document.title.upper()).strip("_")[:24].strip("_") or "PRODUCT"
    prefix = prefix if prefix[0].isalpha() else f"P_{prefix}"
    auth = Section("auth", [Line("scheme", access.scheme), *access.lines], list(access.notes))
    extra = sorted(name for one in made.shaped for name in one.user_members)
    parts = [auth.text()]
    users = users_of(access)
    for user in users:
        lines = [Line(key, {"env": f"{prefix}_{user.upper()}_{word}"}) for key, word in access.secrets]
        if access.scheme == "mtls":
            lines = [Line("client_cert", f"{user}.pem"), Line("client_key", f"{user}.key")]
        lines += [
            Line(name, "", f"CHANGE THIS: what stands for {{user.{name}}} in paths") for name in dict.fromkeys(extra)
        ]
        said = _WHO[len(users)] if user == users[0] else ()
        parts.append(Section(f"users.{user}", lines, list(said)).text())
    if access.token_url:
        parts += _token_text(access, made.document.server)
    return parts


def _token_text(access: Access, server: str) -> list[str]:
    operation = "login" if access.password_grant else "token"
    said = [f"{operation} ← POST {access.token_url}, from the security scheme's tokenUrl"]
    section = Section(f"operations.{operation}", comments=said)
    path, endpoint = _token_place(access.token_url, server)
    section.lines = [Line("method", "POST"), Line("path", path), Line("auth", False), Line("format", "form")]
    section.lines += [Line("endpoint", "authorization")] if endpoint else []
    names = ("username", "password") if access.password_grant else ("client_id", "client_secret", "scope")
    body = {"grant_type": "password" if access.password_grant else "client_credentials"}
    section.lines.append(Line("body", body | {name: f"{{{name}|user.{name}}}" for name in names}))
    outside = Section("endpoints", [Line("authorization", endpoint, "where tokens come from")])
    return [*([outside.text()] if endpoint else []), section.text()]


def _token_place(url: str, server: str) -> tuple[str, str]:
    """Return the path below the server, or the path and the other place where it is."""
    if server and url.startswith(f"{server}/"):
        return url.removeprefix(server), ""
    parts = urlsplit(url)
    path = parts.path if parts.path.startswith("/") else f"/{parts.path}"
    if not parts.netloc:
        return path.removeprefix(urlsplit(server).path) if server else path, ""
    inside = urlsplit(server)
    if (parts.scheme, parts.netloc, inside.path) == (inside.scheme, inside.netloc, ""):
        return path, ""
    return path, f"{parts.scheme}://{parts.netloc}"


# -- what holds for all ---------------------------------------------------------------------------------------------


def _mapping_text(made: Proposal) -> str:
    section = Section("mapping", comments=[])
    if not made.neutral:
        section.lines.append(Line("contract", "none", "nothing but what is mapped here"))
    endpoints = [pair.endpoint for pair in made.matching.pairs if pair.operation not in made.neutral]
    codes = error_codes(made.document, endpoints)
    if made.envelope and endpoints:
        section.lines.append(made.envelope.error(codes))
    elif codes and codes != ["$.code"]:
        section.lines.append(Line("error", {"code": codes}, "where refusals say why"))
    refused, said = _further_refusals(endpoints)
    if refused:
        section.lines.append(Line("refused", refused, said))
    _states(made, section)
    currencies = {name for one in made.shaped for name in one.words.currencies}
    if len(currencies) == 1:
        section.lines.append(Line("currency", currencies.pop(), "where nothing else says which"))
    elif endpoints:
        section.lines.append(
            Line("currency", "USD", "where nothing else says which: its decimal places are used", off=True)
        )
    return section.text() if section.lines else ""


def _further_refusals(endpoints: list[Endpoint]) -> tuple[list[int], str]:
    found: dict[int, str] = {}
    for endpoint in endpoints:
        for code in endpoint.statuses:
            if re.fullmatch(r"[56789]\d\d", code) and code not in _USUAL_FAILURES:
                found.setdefault(int(code), endpoint.described.get(code, ""))
    return sorted(found), "; ".join(f"{code}: {said}" for code, said in sorted(found.items()) if said)


def _states(made: Proposal, section: Section) -> None:
    known: dict[str, str] = {}
    unknown: set[str] = set()
    for one in made.shaped:
        known |= one.words.states
        unknown |= one.words.unknown_states
    if known:
        section.lines.append(Line("states", known, "0.80: by their words; correct what means something else here"))
    if unknown:
        ours = "accepted pending confirmed rejected cancelled refunded"
        section.comments.append(f"? states without a meaning of ours ({ours}): {', '.join(sorted(unknown))}")


# -- what is left ---------------------------------------------------------------------------------------------------


def _pool_text(made: Proposal) -> str:
    found = {*made.neutral, *(one.operation for one in made.shaped)}
    if "accounts.open" in found:
        return ""
    currency = next((name for one in made.shaped for name in sorted(one.words.currencies)), "USD")
    lines = ["# Nothing opens accounts: prepare some, and write their ids here. Checks lease them and give none back."]
    users = users_of(made.access)
    for user, balance in ((users[0], 1_000_000), (users[-1], 0)):
        lines += [
            "# [[pool]]",
            f'# id = "the id of an account of {user}"',
            f'# owner = "{user}"',
            f'# currency = "{currency}"',
        ]
        lines.append(f"# balance = {balance}  # minor units, what is really there")
    return "\n".join(lines)


def _left_text(made: Proposal) -> str:
    found = {*made.neutral, *(one.operation for one in made.shaped), *_of_access(made.access)}
    missing = [name for name in WANTED if name not in found]
    lines = []
    if missing:
        # The header is no comment, so that each line below it is right as soon as it is none either.
        lines.append("# Not found in the document; map them, or say false where the product does not have them:")
        lines += ["[operations]", *(f'# "{name}" = false' + _hint(made, name) for name in missing)]
    if made.matching.theirs:
        lines += ["#", "# The product's operations that nothing was made of:"]
        lines += [
            f"#   {item.title}  {one_line(item.summary or item.name, 70)}".rstrip() for item in made.matching.theirs
        ]
    return "\n".join(lines)


def _of_access(access: Access) -> list[str]:
    return ["login" if access.password_grant else "token"] if access.token_url else []


def _hint(made: Proposal, name: str) -> str:
    known = [pair for pair in made.matching.pairs if pair.operation == name]
    if known:
        return f"  # {known[0].endpoint.title} does it, but accounts must come with credentials here: see [[pool]]"
    near = [pair for pair in made.matching.possible if pair.operation == name]
    if not near:
        takes = ", ".join(arguments_of(name))
        return f"  # takes {takes}" if takes else ""
    best = max(near, key=lambda pair: pair.confidence)
    return f"  # perhaps {best.endpoint.title} ({best.confidence:.2f})"


def _end_text() -> str:
    return "\n".join(
        [
            "[limits]",
            "requests_per_second_max = 50",
            "timeout_s = 10",
            "",
            "[scope]",
            'effects = "destructive"  # the strongest side effect allowed: read, write, money, destructive, disruptive',
        ]
    )
