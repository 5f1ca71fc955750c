"""E: errors. https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/"""

import pytest

from tests.conformance import api, rows, subject


def _stranger(api: api.Api) -> subject.Credential:
    assert api.subject.impersonate is not None
    return api.subject.impersonate("ann")


@rows.row("E1")
def test_every_refusal_is_a_status(api: api.Api) -> None:
    wrong = subject.Credential(headers={"Authorization": "Bearer wrong"})
    reply = {
        400: api.ask(api.collection, labelSelector="="),
        401: api.ask(api.collection, credential=wrong),
        404: api.ask(f"{api.collection}/missing"),
        405: api.ask(f"{api.subject.root}/{api.main.plural}", method="PATCH", accept="application/json"),
        406: api.ask(api.collection, accept="image/png"),
    }
    for code, answer in reply.items():
        assert {"metadata", "message", "reason"} <= set(answer.refusal(code))
        assert answer.content_type == "application/json"


@rows.row("E2")
def test_a_refusal_has_the_reason_of_its_code(api: api.Api) -> None:
    wrong = subject.Credential(headers={"Authorization": "Bearer wrong"})

    assert api.ask(api.collection, labelSelector="=").refusal(400)["reason"] == "BadRequest"
    assert api.ask(api.collection, credential=wrong).refusal(401)["reason"] == "Unauthorized"
    assert api.ask(f"{api.collection}/missing").refusal(404)["reason"] == "NotFound"
    assert api.ask(api.collection, accept="image/png").refusal(406)["reason"] == "NotAcceptable"


@rows.row("E3")
def test_a_forbidden_request_is_refused_in_the_words_of_kubernetes(api: api.Api) -> None:
    group, namespace = api.subject.group, api.subject.namespace
    kind = f"{api.main.plural}.{group}"
    scope = "at the cluster scope"
    in_group = f'resource "{api.main.plural}" in API group "{group}"'
    said = {
        api.object_path: f'{kind} "{api.name}" is forbidden: User "ann" cannot get {in_group}'
        f' in the namespace "{namespace}"',
        api.collection: f'{kind} is forbidden: User "ann" cannot list {in_group}'
        f' in the namespace "{namespace}"',
        api.everywhere(api.main): f'{kind} is forbidden: User "ann" cannot list {in_group} {scope}',
    }
    for path, message in said.items():
        reply = api.ask(path, credential=_stranger(api))
        refusal = reply.refusal(403)
        assert refusal["message"].startswith(message), refusal
        assert refusal["reason"] == "Forbidden"
        assert refusal["details"]["kind"] == api.main.plural
        assert reply.headers["X-Content-Type-Options"] == "nosniff"


@rows.row("E3a")
def test_a_forbidden_path_is_refused_in_the_same_way(api: api.Api) -> None:
    refusal = api.ask("/metrics", credential=_stranger(api)).refusal(403)

    assert 'User "ann" cannot get path "/metrics"' in refusal["message"]


@rows.row("E4")
def test_what_is_not_there_is_said_by_its_name(api: api.Api) -> None:
    refusal = api.ask(f"{api.collection}/missing").refusal(404)

    assert refusal["message"].startswith(f'{api.main.plural}.{api.subject.group} "missing" not found')
    assert refusal["details"] == {
        "name": "missing",
        "group": api.subject.group,
        "kind": api.main.plural,
    }


@rows.row("E4a")
def test_a_resource_that_is_not_there_is_not_found(api: api.Api) -> None:
    for path in (
        f"{api.subject.root}/nonsense",
        f"{api.subject.root}/namespaces/{api.subject.namespace}/nonsense/x",
        f"{api.object_path}/nonsense",
    ):
        assert api.ask(path).status == 404, path


@rows.row("E4b")
def test_a_resource_that_is_not_there_is_a_status_too(api: api.Api) -> None:
    assert api.ask(f"{api.subject.root}/nonsense").refusal(404)["reason"] == "NotFound"


@rows.row("E4c")
def test_a_forbidden_user_does_not_learn_what_exists(api: api.Api) -> None:
    for path in (f"{api.collection}/missing", f"{api.subject.root}/nonsense"):
        assert api.ask(path, credential=_stranger(api)).refusal(403)["reason"] == "Forbidden"


@rows.row("E5")
@pytest.mark.parametrize(
    ("method", "verb"), [("POST", "create"), ("PUT", "update"), ("PATCH", "patch"), ("DELETE", "delete")]
)
def test_a_write_is_refused_with_the_methods_that_are_allowed(api: api.Api, method: str, verb: str) -> None:
    api.demand_without(verb)
    reply = api.ask(api.object_path if method != "POST" else api.collection, method=method)

    assert reply.refusal(405)["reason"] == "MethodNotAllowed"
    assert {"get", "head"} <= reply.listed("Allow")


@rows.row("E6")
def test_a_head_is_a_get_without_its_body(api: api.Api) -> None:
    for path in (api.object_path, api.subject.root):
        reply = api.ask(path, method="HEAD")
        assert (reply.status, reply.body) == (200, b"")
        assert reply.content_type == "application/json"


@rows.row("E6a")
def test_other_sites_are_not_let_in(api: api.Api) -> None:
    credential = api.subject.credential.bearing(Origin="https://example.com")

    assert api.ask(api.collection, credential=credential).headers["Access-Control-Allow-Origin"] is None


@rows.row("E7")
def test_a_slash_at_the_end_changes_nothing(api: api.Api) -> None:
    for path in ("/apis", api.subject.root):
        assert api.ask(f"{path}/", accept="application/json").status == 200, path


@rows.row("E7a")
def test_no_spelling_of_a_path_gets_past_those_who_may_not(api: api.Api) -> None:
    parts = api.object_path.split("/")
    for path in (
        api.collection + "/",
        "/" + api.collection,
        api.collection.replace("/namespaces/", "//namespaces/"),
        api.collection.replace("/namespaces/", "/%6eamespaces/"),
        "/".join([*parts[:-1], "x%2F..%2F" + parts[-1]]),
        api.subject.root + "/namespaces/other/../" + "/".join(parts[5:]),
    ):
        reply = api.ask(path, credential=_stranger(api))
        assert reply.status in {301, 302, 307, 308, 400, 403, 404}, (path, reply.status)
        assert api.name.encode() not in reply.body or reply.status == 403
