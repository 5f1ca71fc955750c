"""C: a program in Go with client-go, which most programs in a cluster use."""

import asyncio
import json
import subprocess
from pathlib import Path

import pytest

from tests.cluster import build
from tests.conformance import api, rows

_PATIENCE = 120.0


@pytest.fixture(scope="session")
def goclient() -> Path:
    """The program, which is built the first time."""
    asyncio.run(build.make(build.GOCLIENT, report=print))
    return build.GOCLIENT.path


@pytest.mark.timeout(3600)
@pytest.mark.cluster
@pytest.mark.go
@rows.row("C20")
def test_a_program_in_go_discovers_lists_and_decodes_every_resource(api: api.Api, goclient: Path) -> None:
    subject = api.subject
    command = [
        *(str(goclient), f"--kubeconfig={subject.kubeconfig}"),
        *(f"--group={subject.group}", f"--version={subject.version}"),
    ]
    reply = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    assert reply.returncode == 0, reply.stderr
    understood = json.loads(reply.stdout)

    assert set(understood) == {resource.plural for resource in api.resources}
    for resource in api.resources:
        found = understood[resource.plural]
        assert (found["mapped"], found["kind"]) == (resource.plural, resource.kind)
        assert found["namespaced"] is resource.namespaced
        assert found["names"] == found["metadata"]
        assert found["rows"] == len(found["names"])
        assert found["columns"] > 1
        if found["names"]:
            assert found["got"] == found["typed"] == found["names"][0]
    assert set(understood[api.main.plural]["names"]) >= {item["metadata"]["name"] for item in api.items}
