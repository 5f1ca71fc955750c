"""The real kubectl reads the toy API over TLS, with the kubeconfig that the server wrote."""

import asyncio
import json
import pathlib
import sys
from collections.abc import Awaitable, Callable

import pytest

from apiservice.runtime import kubeconfig as runtime_kubeconfig
from tests import marks
from tests.apiservice import asking

Kubectl = Callable[..., Awaitable[tuple[int, str, str]]]
PATIENCE = 30.0
"""The time in seconds that one run of kubectl may take on a busy machine."""


@pytest.fixture
@marks.needs("packaged")
def kubectl(served: asking.Served, tmp_path: pathlib.Path) -> Kubectl:
    kubeconfig = tmp_path / "kubeconfig"
    runtime_kubeconfig.write_kubeconfig(
        kubeconfig,
        server=served.bound.url,
        authority=served.authority.read_bytes(),
        bearer=asking.TOKEN,
        name="toy",
        namespace="north",
    )
    program = pathlib.Path(sys.executable).with_name("kubectl")

    async def run(*arguments: str) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            program,
            f"--kubeconfig={kubeconfig}",
            f"--cache-dir={tmp_path / 'cache'}",
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    return run


def cells(out: str) -> list[list[str]]:
    return [line.split() for line in out.splitlines()]


async def test_kubectl_prints_the_table(kubectl: Kubectl) -> None:
    code, out, err = await kubectl("get", "fruits")
    assert (code, err) == (0, "")
    assert cells(out) == [
        ["NAME", "COLOUR", "AGE"],
        ["apple", "red", "30s"],
        ["cherry", "red", "30s"],
        ["lime", "green", "30s"],
    ]
    _, wide, _ = await kubectl("get", "fr", "-A", "-o", "wide", "-l", "sort in (pome)")
    assert cells(wide) == [
        ["NAMESPACE", "NAME", "COLOUR", "AGE", "RIPE"],
        ["north", "apple", "red", "30s", "true"],
        ["south", "pear", "green", "30s", "false"],
    ]


async def test_kubectl_reads_objects_in_every_format(kubectl: Kubectl) -> None:
    _, out, _ = await kubectl("get", "fruits", "-o", "json", "--field-selector", "spec.colour=green")
    assert [item["metadata"]["name"] for item in json.loads(out)["items"]] == ["lime"]
    _, out, _ = await kubectl("get", "fruit", "apple", "-o", "yaml")
    assert out.startswith("apiVersion: fruits.example.com/v1\nkind: Fruit\n")
    _, out, _ = await kubectl("get", "fruits", "-o", "name")
    assert out.split() == [f"fruit.fruits.example.com/{name}" for name in ("apple", "cherry", "lime")]
    _, out, _ = await kubectl("get", "crate", "pear", "-o", "jsonpath={.spec.colour}")
    assert out == "green"


async def test_kubectl_lists_and_explains_the_resources(kubectl: Kubectl) -> None:
    _, out, _ = await kubectl("api-resources", "--api-group=fruits.example.com", "-o", "wide")
    assert ["fruits", "fr", "fruits.example.com/v1", "true", "Fruit", "get,list", "food"] in cells(out)
    for what, expected in [
        ("fruits", "Something sweet that grows on trees."),
        ("crates", "KIND:       Crate"),
        ("fruit.spec.colour", "Its colour when picked."),
        ("fruits.metadata.labels", "Names and values to select objects by."),
    ]:
        code, out, err = await kubectl("explain", what)
        assert (code, err) == (0, "")
        assert expected in out


async def test_kubectl_reads_raw_paths(kubectl: Kubectl) -> None:
    _, out, _ = await kubectl("get", "--raw", "/apis/fruits.example.com/v1/namespaces/north/pips")
    assert json.loads(out)["kind"] == "FruitList"
    _, out, _ = await kubectl("get", "--raw", "/readyz?verbose")
    assert out.endswith("readyz check passed\n")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            "get fruit kiwi",
            'Error from server (NotFound): fruits.fruits.example.com "kiwi" not found: it was never planted',
        ),
        (
            "get fruits -w",
            "Error from server (MethodNotAllowed): watch is not supported on resources of kind "
            '"fruits.fruits.example.com"',
        ),
        ("get fruits -l a=$", 'label value "$" at position 3: it must be letters'),
        ("get fruits --field-selector size=1", "field label not supported: size (supported: metadata.name"),
        ("delete fruit apple", "Error from server (MethodNotAllowed): delete is not supported on resources"),
        ("get fruit away", "Error from server (ServiceUnavailable): the orchard is closed"),
        (
            "get fruit rotten",
            "Error from server (InternalError): internal error: the server's log has the cause",
        ),
        ("get --raw /nope", "Error from server (NotFound): the server could not find the requested resource"),
        ("get fruits --token=wrong", "error: You must be logged in to the server"),
    ],
)
async def test_what_kubectl_says_of_a_failure_reads_well(
    kubectl: Kubectl, command: str, message: str
) -> None:
    code, _, err = await kubectl(*command.split())
    assert code == 1
    assert message in err
