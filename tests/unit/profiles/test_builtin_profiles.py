"""The built-in profiles select what the installed suites can decide, and nothing that does not exist."""

from __future__ import annotations

import fnmatch

import pytest

from conformance.engine.profiles import all_profiles
from conformance.engine.world import World, load_world
from conformance.model.profile import Profile
from conformance.model.requirement import Method

SUITES = ("security", "barcode", "ledger", "load")


@pytest.fixture(scope="module")
def world() -> World:
    return load_world(None, SUITES)


def builtin() -> list[Profile]:
    return all_profiles(["fintech-conformance"])


@pytest.mark.parametrize("profile", builtin(), ids=lambda profile: profile.id)
def test_every_selected_requirement_exists(profile: Profile, world: World) -> None:
    for suite, patterns in profile.select.items():
        contents = world.suite(suite)
        assert contents is not None, f"{profile.id} selects from an unknown suite {suite}"
        known = [item.id for item in contents.catalogue.requirements]
        unmatched = [pattern for pattern in patterns if not fnmatch.filter(known, pattern)]
        assert unmatched == []


@pytest.mark.parametrize("profile", builtin(), ids=lambda profile: profile.id)
def test_every_selected_requirement_that_a_test_establishes_has_a_check(profile: Profile, world: World) -> None:
    for contents in world.suites:
        selected = [item for item in contents.catalogue.requirements if profile.selects(contents.id, item.id)]
        unchecked = [item.id for item in selected if item.method is Method.TEST and not contents.checks_of(item.id)]
        assert unchecked == []


#: Shapes of load that take minutes or hours, and the figures of other people's systems: profiles of their own.
ELSEWHERE = ("LOAD-P", "LOAD-T", "LOAD-F", "LOAD-E")


def with_a_check(world: World) -> list[tuple[str, str]]:
    return [
        (contents.id, item.id)
        for contents in world.suites
        for item in contents.catalogue.requirements
        if contents.checks_of(item.id) and item.method is Method.TEST
    ]


def test_the_payment_product_leaves_out_no_requirement_but_those_of_load_profiles(world: World) -> None:
    (profile,) = [item for item in builtin() if item.id == "payment-product"]
    left_out = [item for suite, item in with_a_check(world) if not profile.selects(suite, item)]
    assert [item for item in left_out if not item.startswith(ELSEWHERE)] == []


def test_every_requirement_that_has_a_check_counts_in_some_profile(world: World) -> None:
    profiles = builtin()
    forgotten = [item for suite, item in with_a_check(world) if not any(p.selects(suite, item) for p in profiles)]
    assert forgotten == []


def test_fapi_closes_the_authorization_endpoint_to_other_origins(world: World) -> None:
    (profile,) = [item for item in builtin() if item.id == "fapi2-security"]
    selected = [name for suite, name in with_a_check(world) if suite == "security" and profile.selects(suite, name)]
    assert "SEC-D09" in selected
    assert [name for name in selected if not name.startswith(("SEC-T", "SEC-J"))] == ["SEC-D09"]
