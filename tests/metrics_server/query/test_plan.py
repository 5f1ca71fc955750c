from __future__ import annotations

import itertools
import re
from typing import Any

import promql_parser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics_server.model import kinds
from metrics_server.profiles import endpoints, loading, schema
from metrics_server.query import namespaces, plan
from metrics_server.query import reach as query_reach

PROFILES = loading.shipped()
PATTERNS = [
    pattern
    for mesh in PROFILES
    for view in mesh.views
    if isinstance(view.peer, endpoints.NamedEndpoint)
    for pattern in view.peer.patterns
]
BY_TARGETS = [mesh for mesh in PROFILES if not any(view.reporter for view in mesh.views)]
"""The profiles in which proxies report only their own traffic."""
BY_LABELS = [mesh for mesh in PROFILES if all(view.reporter for view in mesh.views)]
HOSTILE = ['"', '"} or vector(1) #', "a\\", "a\nb", ".*", "|", "shop|data", "(?P<x>", "é", "", "a" * 300]
LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)


def made(
    mesh: schema.Profile, scope: plan.QueryScope, window: float = 30.0, before: float = 10.0
) -> plan.Plan:
    reach = query_reach.Reach(usual=query_reach.Times(window=window, before=before, interval=5.0))
    return plan.make(mesh, scope=scope, window=window, reach=reach)


def selectors(expression: Any) -> list[Any]:
    match expression:
        case promql_parser.VectorSelector():
            return [expression]
        case promql_parser.MatrixSelector():
            return [expression.vector_selector]
        case promql_parser.BinaryExpr():
            return [*selectors(expression.lhs), *selectors(expression.rhs)]
        case promql_parser.AggregateExpr() | promql_parser.ParenExpr():
            return selectors(expression.expr)
        case promql_parser.Call():
            return [one for argument in expression.args for one in selectors(argument)]
    return []


def queries(asked: plan.Plan) -> list[str]:
    return [*asked.counters, *([asked.buckets] if asked.buckets else [])]


def values(query: str, label: str) -> list[str]:
    return [
        matcher.value
        for selector in selectors(promql_parser.parse(query))
        for matcher in selector.matchers.matchers
        if matcher.name == label
    ]


@pytest.mark.parametrize("mesh", PROFILES, ids=lambda mesh: mesh.name)
def test_every_query_of_every_scope_parses(mesh: schema.Profile) -> None:
    refused = {}
    for namespace, window in itertools.product([None, "shop", *HOSTILE], [1.0, 30.0, 7.5, 86400.0]):
        found = queries(made(mesh, plan.QueryScope(namespace=namespace), window))
        assert found, (namespace, window)
        for query in found:
            try:
                promql_parser.parse(query)
            except ValueError as error:
                refused[namespace, window, query] = str(error)
    assert refused == {}


@pytest.mark.parametrize("mesh", PROFILES, ids=lambda mesh: mesh.name)
def test_a_hostile_namespace_stays_one_string(mesh: schema.Profile) -> None:
    harmless = queries(made(mesh, plan.QueryScope(namespace="shop")))
    for namespace in HOSTILE:
        asked = queries(made(mesh, plan.QueryScope(namespace=namespace)))
        for query, model in zip(asked, harmless, strict=True):
            where = f"namespace {namespace!r} in {query}"
            assert len(selectors(promql_parser.parse(query))) == len(selectors(promql_parser.parse(model))), (
                where
            )
            assert mesh not in BY_TARGETS or values(query, "namespace"), where
            assert set(values(query, "namespace")) <= {namespace}, where


@pytest.mark.parametrize("mesh", PROFILES, ids=lambda mesh: mesh.name)
def test_the_whole_mesh_is_one_raw_query_and_one_of_buckets(mesh: schema.Profile) -> None:
    asked = made(mesh, plan.QueryScope())
    (query,) = asked.counters
    assert asked.buckets is not None
    assert values(query, "namespace") == values(asked.buckets, "namespace") == []
    names = set(values(query, "__name__")[0].split("|"))
    assert {plan.UP, *mesh.sign, *(name for view in mesh.views for name in view.counters)} <= names


@pytest.mark.parametrize("mesh", PROFILES, ids=lambda mesh: mesh.name)
def test_raw_samples_reach_back_beyond_the_window_and_buckets_do_not(mesh: schema.Profile) -> None:
    asked = made(mesh, plan.QueryScope(namespace="shop"), window=30, before=10)
    assert all(query.endswith("[40s]") for query in asked.counters)
    assert asked.buckets is not None
    assert set(re.findall(r"\[(\w+)\]\)\)", asked.buckets)) == {"30s"}


@pytest.mark.parametrize("mesh", PROFILES, ids=lambda mesh: mesh.name)
def test_jobs_that_are_scraped_less_often_are_asked_for_apart_and_further_back(mesh: schema.Profile) -> None:
    """Their names come from labels, so they are quoted as literals."""
    slow = query_reach.Slow(
        jobs=("a.b", 'x"|y'), times=query_reach.Times(window=120.0, before=130.0, interval=60.0)
    )
    asked = plan.make(
        mesh,
        scope=plan.QueryScope(),
        window=30.0,
        reach=query_reach.Reach(usual=query_reach.Times(window=30.0, before=35.0, interval=15.0), slow=slow),
    )
    usual, slowly = asked.counters
    assert (usual.endswith("[65s]"), slowly.endswith("[250s]")) == (True, True)
    pattern = 'a\\.b|x"\\|y'
    assert values(usual, "job") == values(slowly, "job") == [pattern]
    assert 'job!~"' in usual
    assert 'job=~"' in slowly
    assert asked.buckets is not None
    assert set(re.findall(r"\[(\w+)\]\)\)", asked.buckets)) == {"33s", "132s"}
    assert set(re.findall(r"\* (\w+)", asked.buckets)) <= {"30"}, "all are increases in one window"
    promql_parser.parse(asked.buckets)


@pytest.mark.parametrize("mesh", BY_TARGETS, ids=lambda mesh: mesh.name)
def test_no_series_can_be_in_two_answers(mesh: schema.Profile) -> None:
    """One query selects proxies in the namespace with `=`; the others select proxies elsewhere with `!=`."""
    own, *elsewhere = made(mesh, plan.QueryScope(namespace="shop")).counters
    assert 'namespace="shop"' in own
    assert elsewhere
    assert all('namespace!="shop"' in query for query in elsewhere)


@pytest.mark.parametrize("mesh", BY_LABELS, ids=lambda mesh: mesh.name)
def test_no_series_that_others_report_can_be_in_two_answers(mesh: schema.Profile) -> None:
    """Queries select reporters here with `=~`, and reporters elsewhere with `!~` and the same value."""
    targets, *others = made(mesh, plan.QueryScope(namespace="shop")).counters
    of_targets = [plan.UP, *([mesh.process.metric] if mesh.process else [])]
    assert values(targets, "__name__") == ["|".join(of_targets)]
    narrowed = [re.findall(r'(\w+)(=~|!~)"([^"]*shop[^"]*)"', query) for query in others]
    own = [set(query) for query in narrowed if not any(sign == "!~" for _, sign, _ in query)]
    for query in narrowed:
        for label, sign, value in query:
            assert sign == "=~" or {(label, "=~", value)} in own


def test_who_is_told_without_a_namespace_is_looked_for_among_all_callers() -> None:
    """A peer that is only an address or a bare name may be in any namespace."""
    for name in ("envoy-endpoints", "csm"):
        (mesh,) = (one for one in PROFILES if one.name == name)
        own, elsewhere = made(mesh, plan.QueryScope(namespace="shop")).counters
        assert 'namespace="shop"' in own
        assert values(elsewhere, "namespace") == ["shop"]
        assert elsewhere.count("shop") == 1
    (otel,) = (one for one in PROFILES if one.name == "otel")
    assert not any("shop" in query for query in made(otel, plan.QueryScope(namespace="shop")).counters)


def test_another_label_can_tell_the_namespace() -> None:
    asked = made(PROFILES[0], plan.QueryScope(namespace="shop", label="kubernetes_namespace"))
    assert 'kubernetes_namespace="shop"' in asked.counters[0]
    assert not values(asked.counters[0], "namespace")


def test_a_mesh_without_histograms_has_no_bucket_query() -> None:
    mesh = loading.read(
        "{name: bare, about: x, process: {metric: m, tells: age}, views: "
        "[{side: client, requests: r, appears: at start, outcome: [{is: success}]}]}",
        source="here",
    )
    for scope in (plan.QueryScope(), plan.QueryScope(namespace="shop")):
        asked = made(mesh, scope)
        assert asked.buckets is None
        assert len(asked.counters) == 1


@pytest.mark.parametrize("mesh", PROFILES, ids=lambda mesh: mesh.name)
def test_summed_buckets_keep_whose_which_peer_and_the_bound(mesh: schema.Profile) -> None:
    for view in mesh.views:
        labels = plan.bucket_labels(view, mesh.target)
        whose = view.reporter.label_names if view.reporter else mesh.target.identity
        reply = view.latency.quantile_label if view.latency and view.latency.quantile_label else "le"
        assert {*whose, reply} <= set(labels)
        assert view.peer is None or {*view.peer.label_names} <= set(labels)


# Peers in one namespace


def test_a_pattern_that_does_not_tell_the_namespace_is_not_narrowed() -> None:
    assert namespaces.within("(?P<name>[a-z]+)", "shop") is None


def test_brackets_in_classes_and_escapes_do_not_close_a_group() -> None:
    pattern = r"x(?P<namespace>[)(]\)(a|b))[.](?P<service>.+)"
    assert namespaces.within(pattern, "shop") == r"xshop[.](.+)"


@pytest.mark.parametrize("namespace", ["a.b", "a|b", ".*", "(?P<service>x)"])
def test_the_name_of_a_namespace_is_taken_literally(namespace: str) -> None:
    narrowed = namespaces.within("(?P<namespace>.+)/(?P<service>[a-z]+)", namespace)
    assert narrowed is not None
    assert re.fullmatch(narrowed, f"{namespace}/cart")
    assert not re.fullmatch(narrowed, "axb/cart")


NAMED = [pattern for pattern in PATTERNS if "(?P<namespace>" in pattern]


@settings(deadline=None, max_examples=60)
@given(st.data(), st.sampled_from(NAMED), LABEL)
def test_a_narrowed_pattern_matches_exactly_the_names_of_its_namespace(
    data: st.DataObject, pattern: str, namespace: str
) -> None:
    narrowed = namespaces.within(pattern, namespace)
    assert narrowed is not None
    inside = re.fullmatch(pattern, data.draw(st.from_regex(narrowed, fullmatch=True)))
    assert inside is not None
    assert inside["namespace"] == namespace
    anywhere = re.fullmatch(pattern, data.draw(st.from_regex(pattern, fullmatch=True)))
    assert anywhere is not None
    assert bool(re.fullmatch(narrowed, anywhere.string)) == (anywhere["namespace"] == namespace)


@settings(deadline=None, max_examples=40)
@given(LABEL, LABEL, LABEL)
def test_names_as_istio_and_others_write_them_are_told_apart_by_namespace(
    service: str, namespace: str, asked: str
) -> None:
    for value in (
        f"outbound|8080||{service}.{namespace}.svc.cluster.local",
        f"{service}.{namespace}.svc.cluster.local:80",
        f"{namespace}/{service}",
    ):
        inside = any(re.fullmatch(one, value) for one in (namespaces.within(p, asked) for p in NAMED) if one)
        assert inside == (namespace == asked)


@pytest.mark.parametrize("mesh", PROFILES, ids=lambda mesh: mesh.name)
def test_buckets_are_those_of_the_sides_that_are_wanted(mesh: schema.Profile) -> None:
    def buckets(*sides: kinds.Side) -> set[str]:
        scope = plan.QueryScope(namespace="shop")
        reach = query_reach.Reach(usual=query_reach.Times(window=30.0, before=10.0, interval=5.0))
        asked = plan.make(mesh, scope=scope, window=30.0, reach=reach, latency=sides)
        return set(asked.buckets.split(" or ")) if asked.buckets else set()

    assert buckets() == set()
    parts = [buckets(side) for side in kinds.Side]
    timed = {view.side for view in mesh.views if view.latency}
    assert [bool(part) for part in parts] == [side in timed for side in kinds.Side]
    assert set.intersection(*parts) == set()
    assert set.union(*parts) == buckets(*kinds.Side)
