"""All forms of a path: group × resource × name × subresource × namespace, and all queries."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from urllib import parse

from apiservice.resources import declaration
from metrics_server.model import kinds
from tests.attacks import neighbours

PLACES = (neighbours.OWN, neighbours.NEAR, neighbours.FAR, "nowhere", "*", "")
_MADE_UP = ("metrics", "nonsense", "NAMESPACES")
_PARTS = ("edges", "requests_per_second", "status")
_FOREIGN = (neighbours.CALLER, neighbours.INNER, neighbours.FAR_A, neighbours.SILENT)


_EVERYWHERE = ("*", neighbours.FAR)


def misspelt(name: str) -> str:
    """Return a name so similar that a server might suggest the right one."""
    return name[:-1]


def paths(versions: Sequence[declaration.GroupVersion], *, names: Sequence[str]) -> Iterator[str]:
    """Every path below each group and version, in a namespace or not, declared or not.

    In the namespace that may be read, all names are used; elsewhere some of them.
    """
    for version in versions:
        root = f"/apis/{version.name}"
        for resource, place in itertools.product(_plurals(version), (None, *PLACES)):
            below = f"{root}/{resource}" if place is None else f"{root}/namespaces/{place}/{resource}"
            yield below
            inside = place == neighbours.OWN
            for name in names if inside else _EVERYWHERE:
                yield f"{below}/{name}"
                yield from (f"{below}/{name}/{part}" for part in (_PARTS if inside else _PARTS[:2]))
        yield from (f"{root}/watch/namespaces/{neighbours.OWN}/{one}" for one in _plurals(version))
        yield from (f"{root}/proxy/namespaces/{neighbours.OWN}/{one}" for one in _plurals(version))


def _plurals(version: declaration.GroupVersion) -> list[str]:
    declared = [resource.plural for resource in version.resources]
    for values in version.values:
        reply = list(values.listed) or [values.plural]
        declared += [one for one in (*reply, *values.aliases) if not declaration.is_open(one)]
    return [*dict.fromkeys([*declared, "namespaces", "edges", "requests_per_second", *_MADE_UP])]


def names() -> list[str]:
    """Names of existing objects, similar names, and the wildcard."""
    found = ["*", neighbours.NODE_OWN, neighbours.NODE_FAR, *PLACES[:4]]
    found += [neighbours.LEDGER.name, neighbours.LEDGER.ref("Service").name, neighbours.CALLER.name]
    found += [neighbours.FAR_A.ref(kind).name for kind in ("Deployment", "Pod", "Service")]
    found += [str(neighbours.FAR_A.ref("Deployment")), misspelt(neighbours.FAR_A.name)]
    found += ["spying", "peeping", "spyin", f"{neighbours.FAR_A.name}:{neighbours.FAR_A.ref('Service').name}"]
    found += [f"deployment.ledger:{neighbours.NEAR}:deployment.{neighbours.CALLER.name}", "namespace.data"]
    return [*dict.fromkeys(found)]


def queries(path: str) -> Iterator[str]:
    """All query parameters, with the names of others in every place for a name."""
    selector = "metricLabelSelector" if "/custom.metrics" in path else "labelSelector"
    foreign = [app.name for app in _FOREIGN]
    for field, value in itertools.product(("metadata.name", "metadata.namespace"), (*PLACES[:3], *foreign)):
        yield f"fieldSelector={parse.quote(f'{field}={value}')}"
    yield from (f"fieldSelector=resource.kind%3D{kind.name}" for kind in kinds.KINDS)
    yield from (f"labelSelector={parse.quote(f'of={place}')}" for place in PLACES[:3])
    yield "watch=true"
    for asked in (*_ends(), "direction=to", "side=client", f"name={neighbours.HOST}"):
        yield f"{selector}={parse.quote(asked)}"


def _ends() -> Iterator[str]:
    for app in (*_FOREIGN, neighbours.CALLED):
        kinds = [(app.ref(kind).name, kind) for kind in ("Deployment", "Service", "Pod")]
        for name, kind in (*kinds, *((name, "") for name, _ in kinds), (misspelt(app.name), "")):
            one = f"{name},%s_namespace={app.namespace}" + (f",%s_kind={kind}" if kind else "")
            yield f"from={one},to=ledger".replace("%s", "from")
            yield f"from=store,to={one}".replace("%s", "to")
            yield f"from={one}".replace("%s", "from")
            yield f"to={one}".replace("%s", "to")
            yield f"name={one}".replace("%s_", "")
    for place in PLACES[:3]:
        yield f"from={place},from_kind=Namespace,to=ledger"
        yield f"from_kind=Namespace,from_namespace={place},to_kind=Namespace"
        yield f"name={place},kind=Namespace"
    for end, node in itertools.product(("from", "to", "name"), (neighbours.NODE_OWN, neighbours.NODE_FAR)):
        kind = "kind" if end == "name" else f"{end}_kind"
        yield f"{end}={node},{kind}=Node"
        yield f"{end}={node},{kind}=Node,from=ledger" if end == "to" else f"{end}={node},{kind}=Node,to=store"
    for end, host in itertools.product(("from", "to", "name"), (neighbours.HOST, neighbours.FAR_HOST)):
        yield f"{end}={host}"
        yield f"{end}={host},side=client"
        yield f"from=store,{end}={host}"
