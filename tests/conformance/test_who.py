"""X and Z: authentication and authorization.
https://kubernetes.io/docs/tasks/extend-kubernetes/setup-extension-api-server/
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from tests.conformance import api, kubectl, rows, subject
from tests.conformance.subject import NO_CREDENTIAL

_SOON = 30.0
"""Seconds."""
Allow = Callable[..., subject.Credential]
"""Gives a user a right in the namespace: `allow("ann", "get", "fruits/pips")`."""


@pytest.fixture
def allow(api: api.Api) -> Iterator[Allow]:
    made = []

    def kubernetes(verb: str, *objects: Mapping[str, Any]) -> None:
        assert api.subject.cluster is not None
        manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        kubectl.run(kubectl.NEWER, api.subject.cluster, verb, "--filename=-", said=manifest)

    def allow(user: str, verb: str, resource: str) -> subject.Credential:
        rule = {"apiGroups": [api.subject.group], "resources": [resource], "verbs": [verb]}
        objects = _permission(user, rule, namespace=api.subject.namespace)
        kubernetes("apply", *objects)
        made.extend(objects)
        assert api.subject.impersonate is not None
        return api.subject.impersonate(user)

    yield allow
    if made:
        kubernetes("delete", *made)


def _permission(user: str, rule: Mapping[str, Any], *, namespace: str) -> list[Mapping[str, Any]]:
    version = "rbac.authorization.k8s.io/v1"
    metadata = {"name": f"may-{user}", "namespace": namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": f"may-{user}"}
    who = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}
    return [
        {"apiVersion": version, "kind": "Role", "metadata": metadata, "rules": [rule]},
        {
            "apiVersion": version,
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": role,
            "subjects": [who],
        },
    ]


@rows.row("X1")
def test_an_authenticated_user_may_do_what_all_authenticated_users_may(api: api.Api) -> None:
    assert api.subject.impersonate is not None
    known = api.subject.impersonate("ann")

    for path in ("/apis", api.subject.root, "/openapi/v3", "/version"):
        assert api.ask(path, credential=known).status == 200, path


@rows.row("X2")
def test_names_in_headers_count_only_beside_the_certificate_of_the_front_proxy(api: api.Api) -> None:
    claims = {"X_Remote_User": "admin", "X_Remote_Group": "system:masters"}
    assert api.subject.front_proxy is not None

    assert api.ask(api.collection, credential=api.subject.front_proxy.bearing(**claims)).status == 200
    assert api.ask(api.collection, credential=NO_CREDENTIAL.bearing(**claims)).status in {401, 403}


@rows.row("X2a")
def test_a_claim_to_be_another_user_without_that_certificate_gains_nothing(api: api.Api) -> None:
    claims = {"X_Remote_User": "admin", "X_Remote_Group": "system:masters"}

    assert api.ask(api.collection, credential=NO_CREDENTIAL.bearing(**claims)).status in {401, 403}


@rows.row("X5")
def test_a_client_certificate_says_who_is_asking(api: api.Api) -> None:
    assert api.subject.credential.certificate is not None

    assert api.ask(api.collection).status == 200


@rows.row("X6")
def test_the_token_of_a_service_account_says_who_is_asking(api: api.Api) -> None:
    assert api.subject.cluster is not None
    token = kubectl.run(kubectl.NEWER, api.subject.cluster, "create", "token", "default").strip()
    bearer = NO_CREDENTIAL.bearing(Authorization=f"Bearer {token}")

    assert api.ask("/version", credential=bearer).status == 200
    refusal = api.ask(api.collection, credential=bearer).refusal(403)
    assert 'User "system:serviceaccount:default:default" cannot list' in refusal["message"]


@rows.row("X7")
def test_a_wrong_credential_is_refused_and_not_taken_for_none(api: api.Api) -> None:
    for path in (api.collection, api.subject.root, "/apis"):
        reply = api.ask(path, credential=NO_CREDENTIAL.bearing(Authorization="Bearer wrong"))
        assert reply.refusal(401)["reason"] == "Unauthorized"


@rows.row("X8")
def test_a_client_without_credential_is_anonymous_and_may_not_read(api: api.Api) -> None:
    refusal = api.ask(api.collection, credential=NO_CREDENTIAL).refusal(403)

    assert 'User "system:anonymous" cannot list' in refusal["message"]


@rows.row("X8a")
def test_a_client_without_credential_reads_nothing(api: api.Api) -> None:
    for path in (api.collection, api.object_path, "/metrics"):
        assert api.ask(path, credential=NO_CREDENTIAL).status in {401, 403}


@rows.row("X10")
def test_only_the_identity_that_was_proved_is_handed_on(api: api.Api) -> None:
    assert api.subject.impersonate is not None
    lying = api.subject.impersonate("ann").bearing(X_Remote_User="admin", X_Remote_Group="system:masters")

    refusal = api.ask(api.collection, credential=lying).refusal(403)
    assert 'User "ann" cannot list' in refusal["message"]


@rows.row("Z1")
def test_health_is_shown_to_every_client(api: api.Api) -> None:
    for path in ("/healthz", "/livez", "/readyz"):
        assert api.ask(path, credential=NO_CREDENTIAL).status == 200, path


@rows.row("Z2")
def test_the_cluster_says_the_same_when_it_is_asked(api: api.Api, allow: Allow) -> None:
    allow("asked", "list", api.main.plural)
    cluster = api.subject.cluster
    assert cluster is not None

    def may(verb: str) -> bool:
        kind = f"{api.main.plural}.{api.subject.group}"
        reply = kubectl.attempt(
            kubectl.NEWER,
            cluster,
            *("auth", "can-i", verb, kind, f"--namespace={api.subject.namespace}", "--as=asked"),
        )
        return reply.stdout.strip() == "yes"

    assert may("list")
    assert not may("get")


@rows.row("Z3")
def test_getting_one_does_not_include_listing_all(api: api.Api, allow: Allow) -> None:
    getter = allow("getter", "get", api.main.plural)

    _settle(api, api.object_path, credential=getter)
    assert "cannot list" in api.ask(api.collection, credential=getter).refusal(403)["message"]
    watch = api.ask(api.collection, credential=getter, watch="true").refusal(403)
    assert "cannot watch" in watch["message"]


@rows.row("Z3a")
def test_listing_all_does_not_include_getting_one(api: api.Api, allow: Allow) -> None:
    lister = allow("lister", "list", api.main.plural)

    _settle(api, api.collection, credential=lister)
    assert "cannot get" in api.ask(api.object_path, credential=lister).refusal(403)["message"]
    other = api.list_path(api.main, namespace=api.elsewhere)
    assert api.ask(other, credential=lister).status == 403
    assert api.ask(api.everywhere(api.main), credential=lister).status == 403


@rows.row("Z4")
def test_a_part_of_an_object_needs_a_permission_of_its_own(api: api.Api, allow: Allow) -> None:
    resource, part = api.parted
    path = api.list_path(resource)
    path += f"/{api.read(path)['items'][0]['metadata']['name']}"
    whole = allow("whole", "get", resource.plural)
    parted = allow("parted", "get", f"{resource.plural}/{part}")

    _settle(api, f"{path}/{part}", credential=parted)
    assert api.ask(path, credential=parted).status == 403
    _settle(api, path, credential=whole)
    refusal = api.ask(f"{path}/{part}", credential=whole).refusal(403)
    assert f'cannot get resource "{resource.plural}/{part}"' in refusal["message"]


@rows.row("Z4a")
def test_a_part_of_a_namespace_is_a_list_in_that_namespace(api: api.Api, allow: Allow) -> None:
    """Finding: the request-info parser knows only the subresources status and finalize of namespaces."""
    name = next(entry["name"] for entry in api.entries if entry["name"].startswith("namespaces/"))
    part = name.partition("/")[2]
    lister = allow("parts", "list", part)
    path = f"{api.subject.root}/namespaces/{api.subject.namespace}/{part}"

    _settle(api, path, credential=lister)
    assert api.subject.impersonate is not None
    refusal = api.ask(path, credential=api.subject.impersonate("ann")).refusal(403)
    assert f'cannot list resource "{part}"' in refusal["message"]


@rows.row("Z5")
def test_a_permission_given_is_soon_known(api: api.Api, allow: Allow) -> None:
    assert api.subject.impersonate is not None
    assert api.ask(api.collection, credential=api.subject.impersonate("late")).status == 403

    _settle(api, api.collection, credential=allow("late", "list", api.main.plural))


def _settle(api: api.Api, path: str, *, credential: subject.Credential) -> None:
    """A refusal may be cached for ten seconds, and a role takes a moment to be known."""
    deadline = time.monotonic() + _SOON
    while (reply := api.ask(path, credential=credential)).status != 200:
        assert time.monotonic() < deadline, f"still {reply.status}: {reply.body[:300]!r}"
        time.sleep(0.2)
