import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from candidate_nasty import NastyServer, Script
from candidate_product import Ears, Product

from conformance.candidate.http import DRIVER
from conformance.candidate.open import bind
from conformance.model.candidate import CandidateFile
from conformance.sdk import Candidate


@pytest.fixture(scope="session")
def _running() -> Iterator[Product]:
    product = Product()
    yield product
    product.stop()


@pytest.fixture
def product(_running: Product) -> Product:
    _running.requests.clear()
    _running.ports.clear()
    _running.answer = lambda request: {"id": "1"}
    return _running


@pytest.fixture
def nasty() -> Iterator[Callable[..., NastyServer]]:
    servers: list[NastyServer] = []

    def start(script: Script, context: ssl.SSLContext | None = None) -> NastyServer:
        servers.append(NastyServer(script, context))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def ears() -> Ears:
    return Ears()


@pytest.fixture
def bound(product: Product, ears: Ears, tmp_path: Path) -> Iterator[Callable[..., Candidate]]:
    """Bind a candidate at the product, with whatever sections a test gives."""
    made: list[Candidate] = []

    def make(**sections: Any) -> Candidate:
        sections = {"base_url": product.url, "path": tmp_path / "candidate.toml", **sections}
        file = CandidateFile("Acme Pay", "1.0", **sections)
        candidate = bind(file, ears, {"http": DRIVER})
        made.append(candidate)
        return candidate

    yield make
    for candidate in made:
        candidate.driver.close()
