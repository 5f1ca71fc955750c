"""The table of docs/meshes.md agrees with the profiles, and the profile in its text can be loaded."""

from metrics_server.model import kinds
from metrics_server.profiles import loading
from tests.dialects import page, spoken, writers


def test_the_page_shows_every_profile() -> None:
    assert page.FILE.read_text() == page.written(), "run: python -m tests.dialects"


def test_the_profile_on_the_page_can_be_used() -> None:
    assert loading.read(page.example(), source="docs/meshes.md").name == "toy"


def test_every_profile_is_spoken_by_a_writer() -> None:
    assert {mesh.name for mesh in loading.shipped()} == {dialect.profile for dialect in spoken.DIALECTS}


def test_the_page_says_no_more_and_no_less_of_grpc_than_the_writers_can_tell() -> None:
    meshes = {mesh.name: mesh for mesh in loading.shipped()}
    for dialect in spoken.DIALECTS:
        reply = page.tells_grpc(meshes[dialect.profile])
        at_caller = dialect.fails_to_caller or dialect.fails
        assert not dialect.knows.client or (kinds.Side.CLIENT in reply) == (at_caller is not writers.by_code)
        assert not dialect.knows.server or (kinds.Side.SERVER in reply) == (
            dialect.fails is not writers.by_code
        )


def test_the_page_says_of_machines_what_the_writers_know() -> None:
    meshes = {mesh.name: mesh for mesh in loading.shipped()}
    for dialect in spoken.DIALECTS:
        assert not dialect.knows.machines or page.machines(meshes[dialect.profile]) != "no", dialect.name
