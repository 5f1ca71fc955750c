"""Texts that are generated from `named_metrics.MEASURES`: tables of two pages, and the roles of users.

RBAC has no patterns for names, so roles contain each name. The chart reads them from a file of its own.
"""

from collections.abc import Sequence
from pathlib import Path

from metrics_server.aggregate import named_metrics
from metrics_server.model import kinds
from tests.deploy import pages, written_part

GUIDE = pages.ROOT / "docs" / "autoscaling.md"
ROLES = pages.ROOT / "deploy" / "components" / "autoscaling-apis" / "roles-for-users.yaml"
CHART_NAMES = pages.ROOT / "deploy" / "helm" / "trafficmetrics" / "files" / "metrics.yaml"
WRITTEN = "# Written by `python -m tests.deploy` from metrics_server/aggregate/named_metrics.py.\n"
"""The first line of each file with names."""
_UNITS = {
    named_metrics.Unit.PER_SECOND: "requests a second",
    named_metrics.Unit.SHARE: "a share from 0 to 1: `50m` is 5 %",
    named_metrics.Unit.REQUESTS: "requests in the window",
    named_metrics.Unit.SECONDS: "seconds: `200m` is 200 ms",
}
_ROLE = """\
# What users may be given of the autoscalers' APIs: the figures that `trafficmetrics-view` gives them anyway,
# under the names by which autoscalers ask. Not nodes, whose traffic is that of all namespaces, and no metric
# of another adapter: so each is named.
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: trafficmetrics-autoscaling-view
  labels:
    app.kubernetes.io/name: trafficmetrics
    app.kubernetes.io/instance: trafficmetrics
    rbac.authorization.k8s.io/aggregate-to-view: "true"
    rbac.authorization.k8s.io/aggregate-to-edit: "true"
    rbac.authorization.k8s.io/aggregate-to-admin: "true"
rules:
  - apiGroups: [custom.metrics.k8s.io]
    resources:
{of_kinds}
    verbs: [get]
  # Of a namespace as a whole.
  - apiGroups: [custom.metrics.k8s.io]
    resources: [metrics]
    resourceNames:
{names}
    verbs: [get]
  # A metric of this group is a resource. One end of what is asked for must be in the namespace.
  - apiGroups: [external.metrics.k8s.io]
    resources:
{names}
    verbs: [list]
"""


def api_table(served: named_metrics.ServedMetrics = named_metrics.SERVED) -> str:
    """The table of docs/api.md."""
    rows = [(f"`{one.name}`", one.about) for one in served.measures]
    return written_part.table(rows, head=("metric", "value"))


def guide_table(served: named_metrics.ServedMetrics = named_metrics.SERVED) -> str:
    """The table of docs/autoscaling.md."""
    rows = [(f"`{one.name}`", _UNITS[one.unit], _unknown(one)) for one in served.measures]
    return written_part.table(rows, head=("name", "unit", "unknown when"))


def _unknown(one: named_metrics.NamedMetric) -> str:
    if not one.of_requests:
        return "never, once the proxy is scraped: idle is `0`"
    or_not_reported = ", or the mesh does not report it" if one.quantiles else ""
    return f"there were no requests in the window{or_not_reported}"


def roles(served: named_metrics.ServedMetrics = named_metrics.SERVED) -> str:
    """The roles of users, for kustomize: every name for every kind that has a namespace."""
    names = served.names
    of_kinds = [f"{kind}/{name}" for kind in _kinds() for name in names]
    return WRITTEN + _ROLE.format(of_kinds=_list(of_kinds), names=_list(names))


def _kinds() -> Sequence[str]:
    namespaced = [kind for kind in kinds.KINDS if kind.namespaced]
    return sorted({name for kind in namespaced for name in (kind.plural, kind.qualified)})


def _list(names: Sequence[str]) -> str:
    return "\n".join(f"      - {name}" for name in names)


def chart_names(served: named_metrics.ServedMetrics = named_metrics.SERVED) -> str:
    """The names, for the roles of the chart."""
    return WRITTEN + "".join(f"- {name}\n" for name in served.names)


def files() -> dict[Path, str]:
    """Each generated file with its current text, except for docs/api.md."""
    return {
        GUIDE: written_part.all_replaced(GUIDE, {"metrics": guide_table()}),
        ROLES: roles(),
        CHART_NAMES: chart_names(),
    }
