"""The plan: what cannot run is settled with its reason, and the digest fixes everything."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from conformance.engine.plan import Selection, make_plan, plan_digest, require_parameters
from conformance.engine.world import SuiteContents, World
from conformance.errors import ConfigError, NothingSelected
from conformance.model.candidate import CandidateFile, Effect, Scope
from conformance.model.plan import Plan
from conformance.model.profile import Profile, Without
from conformance.model.requirement import Catalogue, Level, Method, Requirement, Severity
from conformance.model.text import Text
from conformance.plugins import LoadedSuite, PluginSource
from conformance.sdk.checks import CheckDeclaration
from conformance.sdk.suite import Scenario, Suite


def declared(identifier: str, **changes: Any) -> CheckDeclaration:
    base = CheckDeclaration(
        identifier, identifier, ("payments.create",), (), (), (), (), Effect.MONEY, 30, "toy.checks", "toy", "Doc."
    )
    return replace(base, **changes)


def requirement(identifier: str, method: Method = Method.TEST) -> Requirement:
    return Requirement(identifier, "toy", "all", Text(identifier), Level.MUST, Severity.HIGH, method)


def world(*checks: CheckDeclaration, documents: tuple[str, ...] = ()) -> World:
    rows = [requirement(item.requirement) for item in checks] + [requirement(d, Method.DOCUMENT) for d in documents]
    scenario = Scenario("pay", Text("Pay"), "toy.pay", ("payments.create",), {"rate_per_s": 10})
    suite = Suite(
        "toy", "TOY", Text("Toy"), "1", "toy", ("toy.checks",), scenarios=(scenario,), parameters={"limit": 5}
    )
    source = PluginSource("suite", "toy", "toy-distribution", "1", "sha256:0")
    return World((SuiteContents(LoadedSuite(suite, source), Catalogue("toy", (), {}, tuple(rows)), checks),))


CANDIDATE = CandidateFile("Toy", "1", "https://toy.example.com", supports=("payments",), users={"alice": {}})
PROFILE = Profile("all", "1", Text("All"), {"toy": ("*",)})
OPERATIONS = frozenset({"payments.create"})


def plan(
    checks: World,
    *,
    candidate: CandidateFile = CANDIDATE,
    profile: Profile = PROFILE,
    selection: Selection = Selection(),
) -> Plan:
    return make_plan("run-1", checks, candidate, OPERATIONS, profile, selection, {"candidate": "sha256:1"})


def settled(made: Plan) -> dict[str, tuple[str, str] | None]:
    return {item.id: item.settled for item in made.checks}


def test_what_can_run_is_left_open_and_the_rest_is_settled_with_a_reason() -> None:
    made = plan(
        world(
            declared("TOY-1"),
            declared("TOY-2", needs=("accounts.balance",)),
            declared("TOY-3", claims=("signing.rfc9421",)),
            declared("TOY-4", users=("bob",)),
            declared("TOY-5", hooks=("restart",)),
        )
    )
    assert settled(made) == {
        "TOY-1": None,
        "TOY-2": ("not tested", "the candidate does not offer accounts.balance"),
        "TOY-3": ("not tested", "the candidate does not claim signing.rfc9421"),
        "TOY-4": ("not tested", "candidate.toml has no user bob; add [users.bob]"),
        "TOY-5": ("not tested", "no hook restart; add [hooks.restart] in candidate.toml"),
    }


def test_absence_is_not_applicable_only_where_the_profile_says_so() -> None:
    lenient = replace(PROFILE, not_applicable=("TOY-2",))
    made = plan(
        world(declared("TOY-1"), declared("TOY-2", needs=("x.y",)), declared("TOY-3", needs=("x.y",))), profile=lenient
    )
    found = settled(made)
    assert found["TOY-2"] is not None
    assert found["TOY-2"][0] == "not applicable"
    assert found["TOY-3"] is not None
    assert found["TOY-3"][0] == "not tested"


def test_what_is_required_may_not_be_absent() -> None:
    strict = replace(PROFILE, not_applicable=("TOY-*",), required=("TOY-2",))
    made = plan(
        world(declared("TOY-1"), declared("TOY-2", needs=("x.y",)), declared("TOY-3", needs=("x.y",))), profile=strict
    )
    found = settled(made)
    assert found["TOY-2"] == ("not tested", "the candidate does not offer x.y")
    assert found["TOY-3"] == ("not applicable", "the candidate does not offer x.y")


def test_what_is_for_other_products_is_not_applicable_whatever_else_it_lacks() -> None:
    checks = world(
        declared("TOY-1"), declared("TOY-2", needs=(), users=("bob",)), declared("TOY-3", hooks=("restart",))
    )
    without = (Without(("audit.*", "supervisor.*"), ("TOY-2", "TOY-3")),)
    found = settled(plan(checks, profile=replace(PROFILE, without=without)))
    reason = "it is for products with audit.* or supervisor.*; the candidate has none"
    assert (found["TOY-2"], found["TOY-3"]) == (("not applicable", reason), ("not applicable", reason))
    withdrawn = settled(plan(checks, profile=replace(PROFILE, without=without, required=("TOY-3",))))
    assert withdrawn["TOY-3"] == ("not tested", "no hook restart; add [hooks.restart] in candidate.toml")
    offering = replace(PROFILE, without=(Without(("payments.*", "audit.*"), ("TOY-2",)),))
    assert settled(plan(checks, profile=offering))["TOY-2"] == (
        "not tested",
        "candidate.toml has no user bob; add [users.bob]",
    )


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"required": ("TOY-9",)}, "required: TOY-9"),
        ({"without": (Without(("payment.*",), ("TOY-1",)),)}, r"without: payment\.\*"),
    ],
)
def test_a_slip_in_what_may_be_absent_is_no_permission(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        plan(world(declared("TOY-1")), profile=replace(PROFILE, **changes))


def test_operations_of_a_suite_of_its_own_may_be_named() -> None:
    own = replace(PROFILE, without=(Without(("toy.*",), ("TOY-2",)),))
    found = settled(plan(world(declared("TOY-1"), declared("TOY-2", needs=("toy.ride",))), profile=own))
    assert found["TOY-2"] == ("not applicable", "it is for products with toy.*; the candidate has none")


def test_side_effects_beyond_the_scope_are_not_caused() -> None:
    reading = replace(CANDIDATE, scope=Scope(production=True))
    made = plan(world(declared("TOY-1"), declared("TOY-2", effects=Effect.READ)), candidate=reading)
    found = settled(made)
    assert found["TOY-2"] is None
    assert found["TOY-1"] == ("not tested", "its side effects (money) exceed what [scope] allows (read)")


def test_a_filter_leaves_a_visible_row() -> None:
    made = plan(world(declared("TOY-1"), declared("TOY-2")), selection=Selection(checks=("TOY-1",)))
    assert settled(made)["TOY-2"] == ("not tested", "left out by --check TOY-1")


def test_selected_requirements_without_a_check_are_expected_all_the_same() -> None:
    made = plan(world(declared("TOY-1"), documents=("TOY-D",)))
    assert made.requirements == ("TOY-1", "TOY-D")


def test_nothing_to_run_is_an_error_of_its_own() -> None:
    with pytest.raises(NothingSelected) as caught:
        plan(world(declared("TOY-1", needs=("x.y",))))
    assert caught.value.exit_code == 5


def test_where_nothing_can_run_the_reasons_are_named() -> None:
    checks = world(
        declared("TOY-1", needs=("a.b",)), declared("TOY-2", needs=("a.b",)), declared("TOY-3", users=("x",))
    )
    with pytest.raises(NothingSelected, match=r"2 checks: .* not offer a[.]b; 1 check: candidate"):
        plan(checks)


KEY = {"scheme": "api-key", "key": {"env": "THE_ONE_KEY"}}


@pytest.mark.parametrize(
    ("bob", "users", "tested"),
    [
        (KEY, ("alice", "bob"), False),
        (KEY, ("alice", "shop"), True),
        ({"scheme": "api-key", "key": {"env": "BOBS_KEY"}}, ("alice", "bob"), True),
    ],
)
def test_two_customers_who_are_one_caller_show_nothing_of_ownership(
    bob: dict[str, Any], users: tuple[str, ...], tested: bool
) -> None:
    candidate = replace(CANDIDATE, users={"alice": KEY, "shop": KEY, "bob": bob})
    made = plan(world(declared("TOY-1", users=users), declared("TOY-2")), candidate=candidate)
    why = ("not tested", "alice and bob are the same caller to the product; give each credentials of its own")
    assert settled(made)["TOY-1"] == (None if tested else why)


@pytest.mark.parametrize("select", [{"toy": ("TOY-1", "TOY-9")}, {"toy": ("*",), "other": ("*",)}, {"toy": ("SEC-*",)}])
def test_what_the_profile_counts_on_must_be_there(select: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(ConfigError, match="selects what no loaded suite has") as caught:
        plan(world(declared("TOY-1")), profile=replace(PROFILE, select=select))
    assert "--only-plugins" in caught.value.diagnostics()


def test_scenarios_are_planned_only_when_a_check_will_read_them() -> None:
    assert plan(world(declared("TOY-1"))).scenarios == ()
    (scenario,) = plan(world(declared("TOY-1", scenarios=("pay",)))).scenarios
    assert scenario.parameters == {"rate_per_s": 10, "limit": 5}
    assert plan(world(declared("TOY-1"), declared("TOY-2", scenarios=("pay",), needs=("x.y",)))).scenarios == ()


def test_the_digest_fixes_everything() -> None:
    first = plan(world(declared("TOY-1")))
    assert plan_digest(first) == plan_digest(plan(world(declared("TOY-1"))))
    assert plan_digest(first) != plan_digest(plan(world(declared("TOY-1", deadline_s=31))))
    assert plan_digest(first) != plan_digest(plan(world(declared("TOY-1"), declared("TOY-2"))))
    assert Plan.from_json(first.as_json()) == first


def test_parameters_come_in_layers_and_what_is_said_of_one_scenario_comes_last() -> None:
    checks = world(declared("TOY-1", scenarios=("pay",)))
    layered = replace(PROFILE, parameters={"toy": {"limit": 6, "scenarios": {"pay": {"limit": 7}, "other": {"x": 1}}}})
    assert plan(checks).scenarios[0].parameters == {"limit": 5, "rate_per_s": 10}
    assert plan(checks, profile=layered).scenarios[0].parameters == {"limit": 7, "rate_per_s": 10}
    overrides = {"rate_per_s": 3, "scenarios": {"pay": {"limit": 8}}}
    made = make_plan("run-1", checks, CANDIDATE, OPERATIONS, layered, Selection(), {}, overrides)
    assert made.scenarios[0].parameters == {"limit": 8, "rate_per_s": 3}


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"limt": 1}, "parameter limt"),
        ({"scenarios": {"pya": {"limit": 1}}}, "scenario pya"),
        ({"scenarios": {"pay": {"rate_per": 1}}}, "parameter pay.rate_per"),
    ],
)
def test_what_no_suite_has_cannot_be_set(overrides: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says) as refusal:
        require_parameters(world(), overrides)
    assert "Did you mean" in refusal.value.remedy


def refused(overrides: dict[str, Any], *parameters: str) -> str:
    """Return the remedy for parameters that a suite with the given ones does not have."""
    (contents,) = world().suites
    suite = replace(contents.loaded.suite, parameters=dict.fromkeys(parameters, 1))
    with pytest.raises(ConfigError) as refusal:
        require_parameters(World((replace(contents, loaded=replace(contents.loaded, suite=suite)),)), overrides)
    return refusal.value.remedy


@pytest.mark.parametrize(
    ("given", "parameters", "remedy"),
    [
        ("rate", ("trace", "sustain_rate", "rate_per_s_min"), "rate_per_s, rate_per_s_min, sustain_rate"),
        ("trace_file", ("trace", "traces_files"), "trace, traces_files"),
        ("trace_file", ("trace", "crate_filler"), "trace"),
        ("burst_s", ("burst_at_s", "burst_s_max", "bursts"), "burst_s_max, bursts, burst_at_s"),
        ("trasce", ("trace",), "trace"),
        ("at", ("rat", "data_max", "burst_at_s"), "burst_at_s, rat"),
        ("p", ("p_1", "p_2", "p_3", "p_4", "p_5", "p_6"), "p_1, p_2, p_3, p_4, p_5"),
    ],
)
def test_names_of_the_same_words_are_suggested_before_those_spelt_alike(
    given: str, parameters: tuple[str, ...], remedy: str
) -> None:
    assert refused({given: 1}, *parameters) == f"Did you mean {remedy}?"


def test_where_no_name_is_near_the_page_of_parameters_is_named() -> None:
    assert refused({"zzz": 1}, "limit") == "See docs/reference/load-parameters.md."


def test_a_parameter_that_one_scenario_lacks_is_sought_among_its_own() -> None:
    assert refused({"scenarios": {"pay": {"rate": 1}}}, "limit") == "Did you mean rate_per_s?"


def test_a_scenario_is_suggested_by_one_of_its_words() -> None:
    assert refused({"scenarios": {"pay-burst": {"limit": 1}}}, "limit") == "Did you mean pay?"


def test_what_a_suite_or_a_scenario_has_can_be_set() -> None:
    require_parameters(world(), {"limit": 1, "rate_per_s": 2, "scenarios": {"pay": {"limit": 3, "rate_per_s": 4}}})
