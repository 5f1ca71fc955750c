"""The two API groups with their resources: every kind and metric, for discovery and OpenAPI."""

from __future__ import annotations

from collections.abc import Sequence

from apiservice.http import errors
from apiservice.resources import declaration
from metrics_server.aggregate import named_metrics
from metrics_server.api import view
from metrics_server.api.autoscaling import custom, external, external_kinds, openapi, query, tables
from metrics_server.model import kinds

_METRIC = "{metric}"
_PACKAGES = "io.k8s.metrics.pkg.apis"
_EXTERNAL_SCHEMA = f"{_PACKAGES}.external_metrics.v1beta1.ExternalMetricValue"
_SELECTORS = tuple(
    declaration.Parameter(name=name, description=about, schema={"type": "string"})
    for name, about in (
        ("labelSelector", "With * as the name: only objects whose labels match."),
        (
            custom.SELECTOR,
            "Selects the traffic: window=1m, direction=to (what is sent), from=NAME (what this caller "
            "sends), side=client.",
        ),
    )
)
_LABELS = (
    declaration.Parameter(
        name="labelSelector",
        description="Selects the traffic: name=cart, or from=frontend,to=cart for one edge; also "
        "window=1m, direction, side, and kind and namespace of each end.",
        schema={"type": "string"},
    ),
)


def groups(
    view: view.SnapshotReader,
    *,
    others: query.Others | None = None,
    served: named_metrics.ServedMetrics = named_metrics.SERVED,
) -> list[declaration.GroupVersion]:
    """Return all versions of both groups, the preferred ones first.

    `others` forwards requests for metrics that are not in `served`.
    """
    return [
        _custom(view, "v1beta2", custom.v1beta2, others, served),
        _custom(view, "v1beta1", custom.v1beta1, others, served),
        _external(view, others, served),
    ]


def _described(served: named_metrics.ServedMetrics) -> str:
    return " ".join(f"{one.name}: {one.about}" for one in served.measures)


def _custom(
    view: view.SnapshotReader,
    version: str,
    rendering: custom.Rendering,
    others: query.Others | None,
    served: named_metrics.ServedMetrics,
) -> declaration.GroupVersion:
    readers = {
        kind: custom.CustomMetricReader(
            view=view, kind=kind, rendering=rendering, others=others, served=served
        )
        for kind in kinds.KINDS
    }
    return declaration.GroupVersion(
        group=custom.GROUP,
        version=version,
        values=[
            *(_of_kind(version, kind, reader) for kind, reader in readers.items()),
            _of_namespaces(version, readers[kinds.NAMESPACE]),
            _of_no_kind(version, others),
        ],
        schemas={_schema(version): openapi.CUSTOM[version]},
    )


def _schema(version: str) -> str:
    return f"{_PACKAGES}.custom_metrics.{version}.MetricValue"


def _of_kind(version: str, kind: kinds.Kind, reader: custom.CustomMetricReader) -> declaration.ValueResource:
    return declaration.ValueResource(
        plural=kind.qualified,
        aliases=(kind.plural,) if kind.qualified != kind.plural else (),
        list_kind="MetricValueList",
        scope=declaration.Scope.NAMESPACED if kind.namespaced else declaration.Scope.CLUSTER,
        in_namespaces_too=kind is kinds.NODE,
        columns=tables.COLUMNS,
        printer=tables.of_objects,
        schema=_schema(version),
        parameters=_SELECTORS,
        description=f"{kind.about} {_described(reader.served)}",
        subresources=(_metric(reader.of_objects, reader.served.names, kind.about),),
    )


def _of_namespaces(version: str, reader: custom.CustomMetricReader) -> declaration.ValueResource:
    """Return the resource for metrics of a Namespace: its path is that of a resource `metrics`."""
    return declaration.ValueResource(
        plural="metrics",
        list_kind="MetricValueList",
        scope=declaration.Scope.NAMESPACED,
        verbs=("get",),
        collect=reader.of_namespace,
        columns=tables.COLUMNS,
        printer=tables.of_objects,
        schema=_schema(version),
        parameters=_SELECTORS,
        description=f"{kinds.NAMESPACE.about} {_described(reader.served)}",
    )


def _of_no_kind(version: str, others: query.Others | None) -> declaration.ValueResource:
    async def refuse(query: declaration.Query) -> declaration.Collection | declaration.Verbatim:
        if others is not None:
            return await others(query)
        served = ", ".join(kind.qualified for kind in kinds.KINDS)
        raise errors.NotFound(
            f"the server could not find metrics of {query.resource}: there are metrics of {served}"
        )

    return declaration.ValueResource(
        plural="{resource}",
        list_kind="MetricValueList",
        scope=declaration.Scope.CLUSTER,
        in_namespaces_too=True,
        columns=tables.COLUMNS,
        printer=tables.of_objects,
        schema=_schema(version),
        parameters=_SELECTORS,
        subresources=(_metric(refuse, (), "Metrics of other resources, from the fallback adapter."),),
    )


def _metric(fetch: declaration.Collect, names: Sequence[str], about: str) -> declaration.Subresource:
    return declaration.Subresource(
        name=_METRIC,
        kind="MetricValue",
        list_kind="MetricValueList",
        columns=tables.COLUMNS,
        printer=tables.of_objects,
        fetch=fetch,
        listed=names,
        description=about,
    )


def _external(
    view: view.SnapshotReader, others: query.Others | None, served: named_metrics.ServedMetrics
) -> declaration.GroupVersion:
    reader = external.ExternalMetricReader(view=view, others=others, served=served)
    return declaration.GroupVersion(
        group=external.GROUP,
        version=external.VERSION,
        values=[
            declaration.ValueResource(
                plural=_METRIC,
                listed={name: external_kinds.kind(name) for name in served.names},
                list_kind="ExternalMetricValueList",
                scope=declaration.Scope.NAMESPACED,
                verbs=("list",),
                collect=reader.read,
                columns=tables.COLUMNS,
                printer=tables.by_labels,
                schema=_EXTERNAL_SCHEMA,
                parameters=_LABELS,
                description=f"Traffic of one resource or edge. {_described(served)}",
            )
        ],
        schemas={_EXTERNAL_SCHEMA: openapi.EXTERNAL},
    )
