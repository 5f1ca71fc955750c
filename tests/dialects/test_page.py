"""The table that people read is what the profiles say, and the profile that they are shown is one."""

from metrics_server import profile, words
from tests.dialects import page, spoken, writers


def test_the_page_shows_every_profile() -> None:
    assert page.FILE.read_text() == page.written(), "run: python -m tests.dialects"


def test_the_profile_on_the_page_can_be_used() -> None:
    assert profile.read(page.example(), source="docs/meshes.md").name == "toy"


def test_every_profile_is_spoken_by_a_writer() -> None:
    assert {mesh.name for mesh in profile.shipped()} == {dialect.profile for dialect in spoken.DIALECTS}


def test_the_page_says_no_more_and_no_less_of_grpc_than_the_writers_can_tell() -> None:
    meshes = {mesh.name: mesh for mesh in profile.shipped()}
    for dialect in spoken.DIALECTS:
        told = page.tells_grpc(meshes[dialect.profile])
        at_caller = dialect.fails_to_caller or dialect.fails
        assert not dialect.knows.client or (words.Side.CLIENT in told) == (at_caller is not writers.by_code)
        assert not dialect.knows.server or (words.Side.SERVER in told) == (
            dialect.fails is not writers.by_code
        )


def test_the_page_says_of_machines_what_the_writers_know() -> None:
    meshes = {mesh.name: mesh for mesh in profile.shipped()}
    for dialect in spoken.DIALECTS:
        assert not dialect.knows.machines or page.machines(meshes[dialect.profile]) != "no", dialect.name
