"""Mistakes in the sections of a candidate file that the HTTP driver reads."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from typing import Any

from conformance.candidate.auth import SCHEMES
from conformance.candidate.auth import SETTINGS as AUTH_SETTINGS
from conformance.candidate.dpop import SETTINGS as DPOP_SETTINGS
from conformance.candidate.keyed_hash import SETTINGS as KEYED_SETTINGS
from conformance.candidate.keyed_hash import check_keyed
from conformance.candidate.mapping import MAPPING_KEYS
from conformance.candidate.offering import Offer, offer_of, offer_of_neutral
from conformance.candidate.reading_toml import Place
from conformance.candidate.signing import DIGESTS, SETTINGS, is_component
from conformance.candidate.signing import SCHEMES as SIGNING_SCHEMES
from conformance.candidate.signing_keys import ALGORITHMS, JWS_ALGORITHMS
from conformance.errors import Problem
from conformance.model.candidate import CandidateFile

#: What each scheme cannot do without; alternatives are joined by "|".
NEEDED: Mapping[str, tuple[str, ...]] = {
    "none": (),
    "bearer": ("token",),
    "basic": ("username",),
    "api-key": ("key",),
    "oauth2": ("client_id", "client_secret|private_key"),
    "login": (),
    "cookie": (),
    "hmac": ("key",),
    "mtls": ("client_cert",),
}


def http_problems(candidate: CandidateFile) -> list[Problem]:
    """Return every mistake, with its place and what would be right."""
    offer = offer_of(candidate)
    problems = list(offer.problems)
    mapping = Place(candidate.mapping, "$.mapping", "mapping", problems)
    mapping.only(MAPPING_KEYS)
    mapping.choice("contract", ("neutral", "none"), "neutral")
    mapping.choice("content_type", ("strict", "any"), "strict")
    _users(candidate, problems)
    _settings(candidate, offer, problems)
    _references(candidate, offer, problems)
    _arguments(candidate, offer, problems)
    _signing(candidate, problems)
    return problems


def _arguments(candidate: CandidateFile, offer: Offer, problems: list[Problem]) -> None:
    """Note arguments that look like a misspelt one of the neutral operation; a further one is allowed."""
    neutral = offer_of_neutral()
    for name in candidate.operations:
        if name not in offer.compiled or name not in neutral:
            continue
        operation = offer.compiled[name]
        kept = {item for step in operation.steps for item in step.keep}
        known = sorted(neutral[name].placed)
        for argument in sorted(operation.placed - neutral[name].placed - kept):
            near = difflib.get_close_matches(argument, known, 1, 0.8)
            if near and not argument.startswith("user."):
                place = f'$.operations["{name}"]'
                problems.append(Problem(place, f"an unknown argument {{{argument}}}", f"{{{near[0]}}}"))


def _users(candidate: CandidateFile, problems: list[Problem]) -> None:
    for user in Place(candidate.users, "$.users", "users", problems).members():
        settings = {**candidate.auth, **user.value}
        if isinstance(user.value.get("auth"), Mapping):
            settings |= user.value["auth"]
        scheme = str(settings.get("scheme", "none"))
        if scheme not in SCHEMES:
            problems.append(Problem(f"{user.path}.scheme", repr(scheme), "one of " + ", ".join(SCHEMES)))
            continue
        if not isinstance(settings.get("dpop"), bool):
            _dpop(Place(settings, user.path, "", problems).table("dpop"))
        for needed in NEEDED[scheme]:
            if not any(settings.get(name) for name in needed.split("|")):
                wanted = needed.replace("|", " or ")
                problems.append(Problem(user.path, f"no {wanted}", f'{wanted} for scheme "{scheme}"'))


def _settings(candidate: CandidateFile, offer: Offer, problems: list[Problem]) -> None:
    """Look at how credentials are sent, in each table that says so. What templates read as ``user.x`` may stand there.

    A user's own section may hold more than that, for suites; there only what looks misspelt is a mistake.
    """
    placed = frozenset[str]().union(*(operation.placed for operation in offer.compiled.values()))
    read = {name.removeprefix("user.") for name in placed if name.startswith("user.")}
    common = Place(candidate.auth, "$.auth", "auth", problems)
    common.only(AUTH_SETTINGS | read)
    keyed = {name for name, user in candidate.users.items() if _scheme(candidate, user) == "hmac"}
    if keyed or candidate.auth.get("scheme") == "hmac":
        check_keyed(common)
    for user in Place(candidate.users, "$.users", "users", problems).members():
        own = Place(user.value["auth"], f"{user.path}.auth", "", problems) if _has_table(user.value, "auth") else None
        if own:
            own.only(AUTH_SETTINGS | read)
        if user.name in keyed:
            _misspelt(user, AUTH_SETTINGS | read)
            for place in (user, *([own] if own else [])):
                check_keyed(place)
    for number, item in enumerate(candidate.pool):
        if item.get("owner") in keyed and _has_table(item, "credentials"):
            check_keyed(Place(item["credentials"], f"$.pool[{number}].credentials", "", problems))


def _has_table(section: Mapping[str, Any], key: str) -> bool:
    return isinstance(section.get(key), Mapping)


def _scheme(candidate: CandidateFile, user: Mapping[str, Any]) -> str:
    own = user["auth"] if _has_table(user, "auth") else {}
    return str({**candidate.auth, **user, **own}.get("scheme", "none"))


def _misspelt(place: Place, known: Collection[str]) -> None:
    for name in place.value:
        near = difflib.get_close_matches(str(name), sorted(KEYED_SETTINGS), 1, 0.8) if name not in known else ()
        if near:
            place.problems.append(Problem(place.at(str(name)).path, "an unknown key", repr(near[0])))


def _dpop(place: Place | None) -> None:
    if place is not None:
        place.only(DPOP_SETTINGS)


def _signing(candidate: CandidateFile, problems: list[Problem]) -> None:
    """Look at ``[signing]`` and every ``[users.x.signing]``."""
    for name, user in candidate.users.items():
        own = user.get("signing")
        if own is None or own is False:
            continue
        path = f"$.users.{name}.signing"
        if not isinstance(own, Mapping):
            problems.append(Problem(path, repr(own), "a table, or false"))
            continue
        place = Place({**candidate.signing, **own}, path, "signing", problems)
        place.only(SETTINGS)
        if place.choice("scheme", SIGNING_SCHEMES, "rfc9421") == "jws-detached":
            place.choice("algorithm", JWS_ALGORITHMS, "ES256")
        else:
            place.choice("algorithm", ALGORITHMS, "ed25519")
        place.choice("digest", DIGESTS, "sha-256")
        if not (place.value.get("key") or place.value.get("private_key")):
            place.at("key").wrong('{ env = "NAME" } or { file = "path" }')
        for component in place.value.get("components", ()):
            if not is_component(str(component)):
                problems.append(Problem(f"{path}.components", repr(component), 'a name such as "@method" or "digest"'))


def _references(candidate: CandidateFile, offer: Offer, problems: list[Problem]) -> None:
    for name, operation in offer.compiled.items():
        path = f'$.operations["{name}"]'
        if operation.until and operation.until.operation not in offer.compiled:
            found = repr(operation.until.operation)
            problems.append(Problem(f"{path}.until.operation", found, "an operation that is mapped"))
        for step in operation.steps:
            if step.caller and step.caller not in candidate.users:
                problems.append(Problem(f"{path}.caller", repr(step.caller), "a user under [users]"))
            if step.endpoint and step.endpoint not in candidate.endpoints:
                problems.append(Problem(f"{path}.endpoint", repr(step.endpoint), "a name under [endpoints]"))
