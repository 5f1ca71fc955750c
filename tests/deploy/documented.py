"""What docs/security.md says that the server may do."""

import itertools
import re

from tests.deploy import judging
from tests.installed import manifests

_PAGE = manifests.DEPLOY.parent / "docs" / "security.md"
_ROW = re.compile(r"^\| (?:`([^`]*)`|—) \| (.+?) \| (.+?) \| (.+?) \| .+ \|$", re.MULTILINE)


def rights() -> set[judging.Right]:
    """From the rows `| group | resources | names | verbs, and where | why |`."""
    table = _PAGE.read_text().partition("<!-- rights -->")[2].partition("<!-- /rights -->")[0]
    found = set()
    for group, resources, names, verbs in _ROW.findall(table):
        parts = [re.findall(r"`([^`]+)`", cell) for cell in (resources, names, verbs)]
        where = "trafficmetrics" if "in its namespace" in verbs else "*"
        for resource, name, verb in itertools.product(parts[0], parts[1] or ["*"], parts[2]):
            found.add((where, group, resource, name, verb))
    return found
