"""The groups as resources of the kit: every kind and measure, told by discovery and described by OpenAPI."""

from __future__ import annotations

from collections.abc import Sequence

from apiservice import errors, resources
from metrics_server import measure, words
from metrics_server.views import sight
from metrics_server.views.scaling import asking, custom, describing, external, naming, printing

_METRIC = "{metric}"
_PACKAGES = "io.k8s.metrics.pkg.apis"
_EXTERNAL_SCHEMA = f"{_PACKAGES}.external_metrics.v1beta1.ExternalMetricValue"
_NAMES = [one.name for one in measure.MEASURES]
_MEASURES = " ".join(f"{one.name}: {one.about}" for one in measure.MEASURES)
_SELECTORS = tuple(
    resources.Parameter(name=name, description=about, schema={"type": "string"})
    for name, about in (
        ("labelSelector", "With * for the name: restricts the answer to objects whose labels match."),
        (
            custom.SELECTOR,
            "Which traffic is meant: window=1m, direction=to (what is sent), from=NAME (what this caller "
            "sends), side=client.",
        ),
    )
)
_LABELS = (
    resources.Parameter(
        name="labelSelector",
        description="Whose traffic is meant: name=cart, or from=frontend,to=cart for one edge; also "
        "window=1m, direction, side, and kind and namespace of each end.",
        schema={"type": "string"},
    ),
)


def groups(view: sight.View, *, others: asking.Others | None = None) -> list[resources.GroupVersion]:
    """Return all versions of both groups, the preferred ones first.

    `others`: who is asked for metrics that are not ours.
    """
    return [
        _custom(view, "v1beta2", custom.v1beta2, others),
        _custom(view, "v1beta1", custom.v1beta1, others),
        _external(view, others),
    ]


def _custom(
    view: sight.View, version: str, spelling: custom.Spelling, others: asking.Others | None
) -> resources.GroupVersion:
    readers = {
        kind: custom.Reader(view=view, kind=kind, spelling=spelling, others=others) for kind in words.KINDS
    }
    return resources.GroupVersion(
        group=custom.GROUP,
        version=version,
        values=[
            *(_of_kind(version, kind, reader) for kind, reader in readers.items()),
            _of_namespaces(version, readers[words.NAMESPACE]),
            _of_no_kind(version, others),
        ],
        schemas={_schema(version): describing.CUSTOM[version]},
    )


def _schema(version: str) -> str:
    return f"{_PACKAGES}.custom_metrics.{version}.MetricValue"


def _of_kind(version: str, kind: words.Kind, reader: custom.Reader) -> resources.Values:
    return resources.Values(
        plural=kind.qualified,
        aliases=(kind.plural,) if kind.qualified != kind.plural else (),
        list_kind="MetricValueList",
        scope=resources.Scope.NAMESPACED if kind.namespaced else resources.Scope.CLUSTER,
        in_namespaces_too=kind is words.NODE,
        columns=printing.COLUMNS,
        printer=printing.of_objects,
        schema=_schema(version),
        parameters=_SELECTORS,
        description=f"{kind.about} {_MEASURES}",
        subresources=(_metric(reader.of_objects, _NAMES, kind.about),),
    )


def _of_namespaces(version: str, reader: custom.Reader) -> resources.Values:
    """How autoscalers ask for a Namespace: below it, as if there were a resource `metrics`."""
    return resources.Values(
        plural="metrics",
        list_kind="MetricValueList",
        scope=resources.Scope.NAMESPACED,
        verbs=("get",),
        collect=reader.of_namespace,
        columns=printing.COLUMNS,
        printer=printing.of_objects,
        schema=_schema(version),
        parameters=_SELECTORS,
        description=f"{words.NAMESPACE.about} {_MEASURES}",
    )


def _of_no_kind(version: str, others: asking.Others | None) -> resources.Values:
    async def refuse(query: resources.Query) -> resources.Collection | resources.Verbatim:
        if others is not None:
            return await others(query)
        served = ", ".join(kind.qualified for kind in words.KINDS)
        raise errors.NotFound(
            f"the server could not find metrics of {query.resource}: there are metrics of {served}"
        )

    return resources.Values(
        plural="{resource}",
        list_kind="MetricValueList",
        scope=resources.Scope.CLUSTER,
        in_namespaces_too=True,
        columns=printing.COLUMNS,
        printer=printing.of_objects,
        schema=_schema(version),
        parameters=_SELECTORS,
        subresources=(_metric(refuse, (), "Metrics of resources that another server knows."),),
    )


def _metric(fetch: resources.Collect, told: Sequence[str], about: str) -> resources.Subresource:
    return resources.Subresource(
        name=_METRIC,
        kind="MetricValue",
        list_kind="MetricValueList",
        columns=printing.COLUMNS,
        printer=printing.of_objects,
        fetch=fetch,
        told=told,
        description=about,
    )


def _external(view: sight.View, others: asking.Others | None) -> resources.GroupVersion:
    reader = external.Reader(view=view, others=others)
    return resources.GroupVersion(
        group=external.GROUP,
        version=external.VERSION,
        values=[
            resources.Values(
                plural=_METRIC,
                told={name: naming.kind(name) for name in _NAMES},
                list_kind="ExternalMetricValueList",
                scope=resources.Scope.NAMESPACED,
                verbs=("list",),
                collect=reader.read,
                columns=printing.COLUMNS,
                printer=printing.by_labels,
                schema=_EXTERNAL_SCHEMA,
                parameters=_LABELS,
                description=f"Traffic of one resource or edge. {_MEASURES}",
            )
        ],
        schemas={_EXTERNAL_SCHEMA: describing.EXTERNAL},
    )
