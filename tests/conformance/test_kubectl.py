"""C: kubectl, in two versions, for everything that can be listed."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster import build
from tests.conformance import api, kubectl, rows

Ask = Callable[..., str]


@pytest.fixture(scope="session")
def older() -> Path:
    """kubectl as old as the cluster, which is built the first time."""
    asyncio.run(build.make(build.KUBECTL, report=print))
    return kubectl.OLDER


@pytest.fixture(
    params=[
        pytest.param("newer", marks=pytest.mark.packaged),
        pytest.param("older", marks=(pytest.mark.cluster, pytest.mark.go, pytest.mark.timeout(3600))),
    ]
)
def program(request: pytest.FixtureRequest) -> Path:
    found: Path = request.getfixturevalue("older") if request.param == "older" else kubectl.NEWER
    return found


@pytest.fixture
def ask(api: api.Api, program: Path) -> Ask:
    """Runs kubectl as the administrator, in the namespace."""

    def run(*arguments: str) -> str:
        where = () if "-A" in arguments or "--raw" in arguments else (f"-n={api.subject.namespace}",)
        return kubectl.run(program, api.subject.kubeconfig, *arguments, *where)

    return run


def _kind(api: api.Api) -> str:
    return f"{api.main.plural}.{api.subject.version}.{api.subject.group}"


def _names(api: api.Api) -> list[str]:
    return [item["metadata"]["name"] for item in api.items]


@rows.row("C1")
def test_kubectl_prints_a_table_and_a_wider_one(api: api.Api, ask: Ask) -> None:
    narrow, wide = ask("get", _kind(api)).splitlines(), ask("get", _kind(api), "-o", "wide").splitlines()

    assert len(narrow) == len(wide) == len(api.items) + 1
    assert len(narrow[0].split()) < len(wide[0].split())
    assert all(name in "\n".join(narrow) for name in _names(api))


@rows.row("C2")
def test_kubectl_shows_the_namespace_of_what_is_everywhere(api: api.Api, ask: Ask) -> None:
    lines = ask("get", _kind(api), "-A").splitlines()

    assert lines[0].startswith("NAMESPACE ")
    assert len([line for line in lines if line.startswith(f"{api.subject.namespace} ")]) == len(api.items)


@rows.row("C3")
def test_kubectl_prints_objects_in_every_format(api: api.Api, ask: Ask) -> None:
    kind, names = _kind(api), _names(api)

    assert [item["metadata"]["name"] for item in json.loads(ask("get", kind, "-o", "json"))["items"]] == names
    assert f"name: {names[0]}" in ask("get", kind, names[0], "-o", "yaml")
    printed = ask("get", kind, "-o", "name").split()
    assert printed == [f"{api.main.singular}.{api.subject.group}/{name}" for name in names]
    assert ask("get", kind, "-o", "jsonpath={.items[*].metadata.name}").split() == names
    columns = "custom-columns=N:.metadata.name,K:.kind"
    assert [line.split()[0] for line in ask("get", kind, "-o", columns).splitlines()] == ["N", *names]


@rows.row("C4")
def test_kubectl_selects(api: api.Api, ask: Ask) -> None:
    name, items = api.name, api.items

    assert ask("get", _kind(api), f"--field-selector=metadata.name={name}", "-o", "name").count("/") == 1
    key, value = next(iter(items[0]["metadata"]["labels"].items()))
    labelled = [item for item in items if item["metadata"].get("labels", {}).get(key) == value]
    assert len(ask("get", _kind(api), "-l", f"{key}={value}", "-o", "name").split()) == len(labelled)
    assert len(ask("get", _kind(api), "--chunk-size=1", "-o", "name").split()) == len(items)


@rows.row("C5")
def test_kubectl_says_what_it_did_not_find(api: api.Api, program: Path) -> None:
    def refused(*arguments: str) -> str:
        reply = kubectl.attempt(program, api.subject.kubeconfig, *arguments, f"-n={api.subject.namespace}")
        assert reply.returncode == 1
        return reply.stderr

    message = refused("get", _kind(api), "missing")
    assert (
        f'Error from server (NotFound): {api.main.plural}.{api.subject.group} "missing" not found' in message
    )
    assert "doesn't have a resource type" in refused("get", f"nonsense.{api.subject.group}")
    empty = ("get", _kind(api), f"-n={api.subject.namespace}", "-l", "there-is=nothing")
    reply = kubectl.attempt(program, api.subject.kubeconfig, *empty)
    assert f"No resources found in {api.subject.namespace} namespace." in reply.stderr


@rows.row("C6")
def test_kubectl_learns_that_there_is_no_watch(api: api.Api, program: Path) -> None:
    api.demand_without("watch")
    arguments = ("get", _kind(api), "--watch", f"-n={api.subject.namespace}")
    reply = kubectl.attempt(program, api.subject.kubeconfig, *arguments)

    assert reply.returncode == 1
    assert "Error from server (MethodNotAllowed): watch is not supported" in reply.stderr


@rows.row("C7")
def test_kubectl_lists_the_resources(api: api.Api, ask: Ask) -> None:
    printed = ask("api-resources", f"--api-group={api.subject.group}", "-o", "name").split()

    assert printed == sorted(f"{resource.plural}.{api.subject.group}" for resource in api.resources)
    assert f"{api.subject.group}/{api.subject.version}" in ask("api-versions").split()


@rows.row("C8")
def test_kubectl_describes_an_object(api: api.Api, ask: Ask) -> None:
    printed = ask("describe", _kind(api), api.name)

    assert re.search(rf"^Name: +{re.escape(api.name)}$", printed, re.MULTILINE)
    assert re.search(rf"^Namespace: +{api.subject.namespace}$", printed, re.MULTILINE)


@rows.row("C9")
def test_kubectl_explains_every_field(api: api.Api, ask: Ask) -> None:
    version = f"--api-version={api.subject.group}/{api.subject.version}"
    kind = api.main.plural

    printed = ask("explain", kind, version, "--recursive")
    fields = re.findall(r"^( +)(\w+)\t<", printed, re.MULTILINE)
    assert ("  ", "metadata") in fields
    for field in (name for indent, name in fields if indent == "  "):
        reply = ask("explain", f"{kind}.{field}", version)
        _, _, description = reply.partition("DESCRIPTION:")
        assert "<empty>" not in description.partition("FIELDS:")[0], field
        assert len(description.partition("FIELDS:")[0].strip()) >= 20, field


@rows.row("C10")
def test_kubectl_auth_can_i_answers(api: api.Api, ask: Ask, program: Path) -> None:
    assert ask("auth", "can-i", "list", _kind(api)).strip() == "yes"

    stranger = ("auth", "can-i", "list", _kind(api), "--as=ann", f"-n={api.subject.namespace}")
    reply = kubectl.attempt(program, api.subject.kubeconfig, *stranger)
    assert (reply.returncode, reply.stdout.strip()) == (1, "no")
