"""The rights and roles in docs/security.md, and the commands in docs/install.md."""

import itertools
import re

from tests.deploy import judging
from tests.installed import manifests

_DOCS = manifests.DEPLOY.parent / "docs"
_PAGE = _DOCS / "security.md"
_APPLYING = re.compile(r"^kubectl (apply .+) -k my-overlay ", re.MULTILINE)
_ROW = re.compile(r"^\| (?:`([^`]*)`|—) \| (.+?) \| (.+?) \| (.+?) \| .+ \|$", re.MULTILINE)


def rights(part: str = "rights") -> set[judging.Right]:
    """Read the rows `| group | resources | names | verbs, and where | why |` of a part of the page."""
    found = set()
    for group, resources, names, verbs in _ROW.findall(_part(part)):
        parts = [re.findall(r"`([^`]+)`", cell) for cell in (resources, names, verbs)]
        where = "trafficmetrics" if "in its namespace" in verbs else "*"
        for resource, name, verb in itertools.product(parts[0], parts[1] or ["*"], parts[2]):
            found.add((where, group, resource, name, verb))
    return found


def applying() -> list[str]:
    """The arguments with which kubectl installs an overlay, without the overlay."""
    (found,) = _APPLYING.findall((_DOCS / "install.md").read_text())
    return str(found).split()


def roles() -> set[str]:
    """Read the first column of the other table."""
    return set(re.findall(r"^\| `([^`]+)` \|", _part("roles"), re.MULTILINE))


def _part(name: str) -> str:
    return _PAGE.read_text().partition(f"<!-- {name} -->")[2].partition(f"<!-- /{name} -->")[0]


def tests_named() -> set[str]:
    """The test files that the threat model names."""
    return set(re.findall(r"`(tests/[^`]+\.py)`", _PAGE.read_text()))
