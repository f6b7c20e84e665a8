"""The built-in profiles select what the installed suites can decide, and nothing that does not exist."""

from __future__ import annotations

import fnmatch

import pytest

from conformance.contract.neutral import neutral_operations
from conformance.engine.plan import Selection, make_plan
from conformance.engine.profiles import all_profiles
from conformance.engine.world import World, load_world
from conformance.model.candidate import CandidateFile
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


def by_id(name: str) -> Profile:
    (profile,) = [item for item in builtin() if item.id == name]
    return profile


#: What a product that only shows things offers, and what the test environment of such a product has.
READ_ONLY = ("auth", "accounts.read", "accounts.list", "tls")
HOOKS = ("clock", "inject", "rotate_keys")


def outcomes(world: World, name: str, supports: tuple[str, ...], hooks: tuple[str, ...] = HOOKS) -> dict[str, str]:
    """Return the outcomes that the plan settles, with users for all roles: a lack is one of the product's."""
    roles = ("alice", "bob", "signer", "auditor", "regulator", "shop")
    candidate = CandidateFile(
        "Product",
        "1",
        "https://api.example.com",
        supports=supports,
        users={role: {"scheme": "bearer", "token": {"env": f"TOKEN_OF_{role.upper()}"}} for role in roles},
        hooks={hook: {} for hook in hooks},
    )
    offered = frozenset(
        operation
        for operation, entry in neutral_operations().items()
        if operation in supports or (entry.get("group") or operation.partition(".")[0]) in supports
    )
    assert offered
    made = make_plan("run-1", world, candidate, offered, by_id(name), Selection(), {})
    return {item.id: item.settled[0] if item.settled else "" for item in made.checks}


def lacking(found: dict[str, str], outcome: str) -> set[str]:
    return {check.partition(".")[0] for check, said in found.items() if said == outcome}


def test_a_read_only_product_can_conform_at_a1(world: World) -> None:
    found = outcomes(world, "open-banking-api-a1", READ_ONLY)
    assert lacking(found, "not tested") == set()
    lacked = {"SEC-I02", "SEC-I03", "SEC-I04", "SEC-I05", "SEC-I06", "SEC-I08", "SEC-I09", "SEC-Z03"}
    assert lacking(found, "not applicable") == lacked
    assert found["SEC-J06"] == found["SEC-J07"] == found["SEC-Z07"] == "", "what it has is tested"


def test_a_read_only_product_whose_callers_have_keys_and_no_tokens_can_conform_at_a1(world: World) -> None:
    found = outcomes(world, "open-banking-api-a1", ("accounts.read", "accounts.list", "tls"), hooks=())
    assert lacking(found, "not tested") == set()
    assert {"SEC-J02", "SEC-J04", "SEC-J06", "SEC-J07", "SEC-D13"} <= lacking(found, "not applicable")


def test_what_a_product_of_a1_has_is_tested_there(world: World) -> None:
    found = outcomes(world, "open-banking-api-a1", (*READ_ONLY, "accounts", "payments", "supervisor"))
    assert [found[f"SEC-{name}"] for name in ("I02", "I03", "I04", "I05", "I09", "Z03.writes")] == [""] * 6


def test_a2_demands_what_a1_lets_a_product_lack(world: World) -> None:
    found = outcomes(world, "open-banking-api-a2", ("accounts", "payments", "tls"))
    demanded = {"SEC-J02", "SEC-J04", "SEC-J06", "SEC-J07", "SEC-I08", "SEC-D13", "SEC-S09", "SEC-S13", "SEC-Z10"}
    assert demanded <= lacking(found, "not tested")
    assert lacking(found, "not applicable") <= {"SEC-Z03", "SEC-V09", "SEC-S11"}
    assert {"SEC-I02", "SEC-I09", "SEC-S01"} <= lacking(outcomes(world, "open-banking-api-a2", READ_ONLY), "not tested")


def test_a_whole_product_without_payment_codes_or_staff_can_conform_at_a2(world: World) -> None:
    found = outcomes(
        world,
        "open-banking-api-a2",
        ("auth", "accounts", "payments", "consents", "notices", "audit", "tls"),
    )
    assert lacking(found, "not tested") == set()
    assert found["SEC-Z03"] == found["SEC-Z03.reader"] == found["SEC-V09"] == ""


def test_fapi_closes_the_authorization_endpoint_to_other_origins(world: World) -> None:
    assert by_id("fapi2-security").selects("security", "SEC-D09")


def test_fapi_counts_every_requirement_that_cites_it(world: World) -> None:
    profile, contents = by_id("fapi2-security"), world.suite("security")
    assert contents is not None
    citing = [item.id for item in contents.catalogue.requirements if any(c.standard == "fapi2" for c in item.clauses)]
    assert [item for item in citing if not profile.selects("security", item)] == []


#: What the protected resource must do with tokens, and what only a product with accounts can show.
RESOURCE = {"SEC-J01", "SEC-J02", "SEC-J04", "SEC-J06", "SEC-J07", "SEC-J17", "SEC-Z01"}


def test_an_authorization_server_alone_is_not_asked_for_accounts(world: World) -> None:
    found = outcomes(world, "fapi2-security", ("oauth",))
    assert lacking(found, "not tested") == set()
    assert lacking(found, "not applicable") == RESOURCE | {"SEC-Z04", "SEC-Z06"}
    assert found["SEC-J22"] == found["SEC-J10"] == found["SEC-D09.authorization"] == ""


def test_a_retired_key_is_asked_of_servers_whatever_their_hooks(world: World) -> None:
    """The check says itself what it lacks: where tokens are opaque, no key signs them, and no hook is needed."""
    found = outcomes(world, "fapi2-security", ("oauth",), hooks=())
    assert lacking(found, "not tested") == set()
    assert found["SEC-J22"] == ""


def test_a_product_with_accounts_is_asked_for_its_tokens_and_keys(world: World) -> None:
    found = outcomes(world, "fapi2-security", ("oauth", "accounts"))
    assert lacking(found, "not tested") == {"SEC-J02", "SEC-J04", "SEC-J06", "SEC-J07"}
    assert found["SEC-J01"] == found["SEC-J17"] == found["SEC-Z01"] == ""
    whole = outcomes(world, "fapi2-security", ("oauth", "accounts", "payments", "auth", "consents"))
    assert set(whole.values()) == {""}


def test_no_protected_resource_at_all_is_not_passed_over(world: World) -> None:
    found = outcomes(world, "fapi2-security", ("oauth.metadata", "oauth.push", "oauth.authorize", "oauth.token"))
    assert {"SEC-J05", "SEC-J22", "SEC-J25"} <= lacking(found, "not tested")
