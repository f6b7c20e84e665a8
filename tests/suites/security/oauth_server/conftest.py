"""One reference bank with its authorization server for all tests of this directory.

Tests leave nothing behind that another could notice, as every code, token and id is new; whoever changes the clock, the
nonces or the faults asks for ``bank``, which puts them back afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import requests
from oauth_party import Party

from conformance.reference.process import ReferenceProcess

Parties = Callable[[str], Party]


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReferenceProcess]:
    with ReferenceProcess(tmp_path_factory.mktemp("oauth"), only_plugins=("security",)) as process:
        yield process


@pytest.fixture
def session(served: ReferenceProcess) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(served.candidate_path.parent / "ca.pem")
        yield session


@pytest.fixture
def bank(served: ReferenceProcess) -> Iterator[ReferenceProcess]:
    yield served
    served.switch([])
    served.hook("clock", offset_s=0)
    served.hook("dpop_nonce", required=False)


@pytest.fixture
def party(served: ReferenceProcess, session: requests.Session) -> Parties:
    """Return clients by their name: first, second, jar, mtls."""
    return lambda name: Party(served, name, session)


@pytest.fixture
def first(party: Parties) -> Party:
    return party("first")
