"""Who asks: an operation is for some users and not for others, and a 403 says nothing about data."""

from __future__ import annotations

from collections.abc import Callable

from conformance.sdk import Answer, Candidate, Prepared
from conformance_security.openapi.document import Endpoint

#: Users tried for one endpoint at most.
TRIED_MAX = 4


class Callers:
    """Finds, for each endpoint, the first user whom the product lets ask; the check's own user comes first."""

    def __init__(self, candidate: Candidate) -> None:
        own = candidate.user or ""
        others = [name for name in candidate.file.users if name != own]
        self._candidate = candidate
        self._names = [name for name in (own, *others) if name][:TRIED_MAX] or [""]
        self._known: dict[str, str] = {}

    def send(self, endpoint: Endpoint, make: Callable[[Candidate], Prepared]) -> Answer:
        """Send what ``make`` returns for a user who may ask, and return the last answer."""
        names = [self._known[endpoint.name]] if endpoint.name in self._known else self._names
        for name in names:
            answer = make(self._candidate.as_user(name) if name else self._candidate).send()
            if answer.exchange.status not in (401, 403):
                self._known[endpoint.name] = name
                return answer
        return answer
