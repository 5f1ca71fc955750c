"""The table that people read is what the profiles say, and the profile that they are shown is one."""

from metrics_server import profile
from tests.dialects import page, spoken


def test_the_page_shows_every_profile() -> None:
    assert page.FILE.read_text() == page.written(), "run: python -m tests.dialects"


def test_the_profile_on_the_page_can_be_used() -> None:
    assert profile.read(page.example(), source="docs/meshes.md").name == "toy"


def test_every_profile_is_spoken_by_a_writer() -> None:
    assert {mesh.name for mesh in profile.shipped()} == {dialect.profile for dialect in spoken.DIALECTS}
