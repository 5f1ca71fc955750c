"""The objects of the demo in a cluster, as YAML."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from demo import meshes
from demo.pods import manifests, surroundings

_WIDEST = 100_000


def everything(*, mesh: str, rate: float, scrape_interval: float) -> Iterator[Mapping[str, Any]]:
    """All but the secrets. `rate` in requests a second, `scrape_interval` in seconds."""
    yield from manifests.objects(meshes.MESHES[mesh])
    yield from surroundings.objects(mesh=mesh, rate=rate, scrape_interval=scrape_interval)


def as_yaml(objects: Iterable[Mapping[str, Any]]) -> str:
    return "---\n".join(
        yaml.dump(dict(each), Dumper=_Dumper, sort_keys=False, width=_WIDEST) for each in objects
    )


class _Dumper(yaml.SafeDumper):
    """Write text of several lines as a readable block."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)
