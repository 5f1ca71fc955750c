"""The groups as resources of the kit: every kind and measure, told by discovery and described by OpenAPI."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from apiservice import errors, resources
from metrics_server import measure, words
from metrics_server.views import cells, sight
from metrics_server.views.scaling import asking, custom, describing, external

_METRIC = "{metric}"
_PACKAGES = "io.k8s.metrics.pkg.apis"
_EXTERNAL_SCHEMA = f"{_PACKAGES}.external_metrics.v1beta1.ExternalMetricValue"
_NAMES = [one.name for one in measure.MEASURES]
_MEASURES = " ".join(f"{one.name}: {one.about}" for one in measure.MEASURES)
_COLUMNS = tuple(
    resources.Column(name=name, description=about, format="name" if name == "Name" else "")
    for name, about in (
        ("Name", "What is described."),
        ("Metric", "Name of the metric."),
        ("Value", "The value, as a quantity: 250m is a quarter."),
        ("Window", "Time over which requests were counted."),
        ("Age", "Age of the data."),
    )
)
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
        columns=_COLUMNS,
        printer=_print_custom,
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
        columns=_COLUMNS,
        printer=_print_custom,
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
        columns=_COLUMNS,
        printer=_print_custom,
        schema=_schema(version),
        subresources=(_metric(refuse, (), "Metrics of resources that another server knows."),),
    )


def _metric(fetch: resources.Collect, told: Sequence[str], about: str) -> resources.Subresource:
    return resources.Subresource(
        name=_METRIC,
        kind="MetricValue",
        list_kind="MetricValueList",
        columns=_COLUMNS,
        printer=_print_custom,
        fetch=fetch,
        told=told,
        description=about,
    )


def _external(view: sight.View, others: asking.Others | None) -> resources.GroupVersion:
    reader = external.Reader(view=view, others=others)
    return resources.GroupVersion(
        group=external.GROUP,
        version="v1beta1",
        values=[
            resources.Values(
                plural=_METRIC,
                told={name: _camel(name) for name in _NAMES},
                list_kind="ExternalMetricValueList",
                scope=resources.Scope.NAMESPACED,
                verbs=("list",),
                collect=reader.read,
                columns=_COLUMNS,
                printer=_print_external,
                schema=_EXTERNAL_SCHEMA,
                parameters=_LABELS,
                description=f"Traffic of one resource or edge. {_MEASURES}",
            )
        ],
        schemas={_EXTERNAL_SCHEMA: describing.EXTERNAL},
    )


def _camel(name: str) -> str:
    """A kind of its own for each metric: clients go from a resource to its kind and back."""
    return "".join(part.capitalize() for part in name.split("_"))


def _print_custom(row: resources.Row, now: datetime.datetime) -> Sequence[Any]:
    item = row.object
    described = item["describedObject"]
    metric = item["metric"]["name"] if "metric" in item else item["metricName"]
    return _cells(f"{described['kind'].lower()}/{described['name']}", metric, item, now)


def _print_external(row: resources.Row, now: datetime.datetime) -> Sequence[Any]:
    item = row.object
    labels = ",".join(f"{label}={value}" for label, value in item["metricLabels"].items())
    return _cells(labels, item["metricName"], item, now)


def _cells(name: str, metric: str, item: Any, now: datetime.datetime) -> Sequence[Any]:
    taken = datetime.datetime.fromisoformat(item["timestamp"])
    window = item.get("windowSeconds", item.get("window"))
    return name, metric, item["value"], f"{window}s", cells.age((now - taken).total_seconds())
