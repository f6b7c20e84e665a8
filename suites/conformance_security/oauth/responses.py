"""What came back from the authorization endpoint: where the browser was sent, and with what."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from conformance_security.jws import Token

#: What must not reach a browser except as the answer to a sound request.
_CREDENTIALS = ("code", "access_token", "id_token", "token")

_NEXT_COOKIE = re.compile(r",\s*(?=[!#$%&'*+.^_`|~0-9A-Za-z-]+=)")


@dataclass(frozen=True, slots=True)
class AuthorizationResponse:
    """The end of an authorization: the status, and the parameters at the client's redirect address if it got there.

    ``arrived``: the browser was sent to the client. Parameters of query, fragment and of a JWT in ``response``
    (JARM, read without trust) are taken together; ``in_fragment`` names those of the fragment.
    """

    status: int
    location: str = ""
    arrived: bool = False
    parameters: Mapping[str, str] = field(default_factory=dict)
    in_fragment: frozenset[str] = frozenset()

    @classmethod
    def read(cls, status: int, location: str, redirect_uri: str) -> AuthorizationResponse:
        """Take apart where a browser was sent; ``redirect_uri`` is where the client waits."""
        head, _, after = location.partition("#")
        query, fragment = dict(parse_qsl(head.partition("?")[2], True)), dict(parse_qsl(after, True))
        signed = Token.read(query.get("response", "") or fragment.get("response", ""))
        inside = {name: str(value) for name, value in signed.claims.items()} if signed else {}
        arrived = bool(location) and same_place(location, redirect_uri)
        return cls(status, location, arrived, {**inside, **query, **fragment}, frozenset(fragment))

    @property
    def code(self) -> str:
        """The authorization code, or ""."""
        return self.parameters.get("code", "")

    @property
    def error(self) -> str:
        """The error code, or ""."""
        return self.parameters.get("error", "")

    @property
    def credentials(self) -> tuple[str, ...]:
        """Names of whatever was handed out: code, tokens."""
        return tuple(name for name in _CREDENTIALS if self.parameters.get(name))

    def __str__(self) -> str:
        """Say in a few words how it ended, without what was handed out."""
        if self.credentials:
            return f"{' and '.join(self.credentials)} sent to {place(self.location)} (HTTP {self.status})"
        if self.error:
            return f"error {self.error} (HTTP {self.status})"
        return f"sent to {place(self.location)} (HTTP {self.status})" if self.location else f"HTTP {self.status}"


def place(url: str) -> str:
    """Return a URL without query and fragment, which may hold a code."""
    return url.partition("?")[0].partition("#")[0]


def same_place(url: str, other: str) -> bool:
    """Tell whether two URLs differ in query and fragment at most."""
    return place(url) == place(other)


def same_origin(url: str, other: str) -> bool:
    """Tell whether two URLs have scheme, host and port in common; a URL that cannot be read has none."""
    try:
        one, two = urlsplit(url), urlsplit(other)
        return (one.scheme, one.hostname, one.port) == (two.scheme, two.hostname, two.port)
    except ValueError:
        return False


def cookies(header: str) -> dict[str, str]:
    """Return names and values of a Set-Cookie header, several joined by commas included."""
    pairs = (item.partition(";")[0].partition("=") for item in _NEXT_COOKIE.split(header) if item)
    return {name.strip(): value.strip() for name, _, value in pairs}
