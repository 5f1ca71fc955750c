"""Look up which Service serves an autoscaling API, once for each group."""

from collections.abc import Iterable, Mapping

from dashboard.client import cluster, faults, measures

_OURS = "v1alpha1", "metrics.smi-spec.io"


class ApiServices:
    """Caches versions and owners of API groups. Safe to use from several threads."""

    def __init__(self, source: cluster.ClusterReader) -> None:
        self._source = source
        self._versions: dict[str, str | None] = {}
        self._found: dict[tuple[str, str], cluster.ApiService | None] = {}

    def version(self, group: str) -> str | None:
        """The version that the HPA controller uses; None if the group is not served."""
        if group not in self._versions:
            self._versions[group] = self._source.version(group)
        return self._versions[group]

    def find(self, group: str) -> cluster.ApiService | None:
        """The APIService of a group; None without one or without the right to read it."""
        version = self.version(group)
        return self._api_service(version, group) if version else None

    def is_foreign(self, group: str) -> bool:
        """Whether another Service than TrafficMetrics serves the group."""
        find, ours = self.find(group), self._api_service(*_OURS)
        return find is not None and ours is not None and find.service != ours.service

    def names(self, requests: Iterable[measures.ApiRequest]) -> Mapping[str, str]:
        """The Service of each group, as `namespace/name`; groups with an unknown one are left out."""
        found = {group: self.find(group) for group in sorted({one.group for one in requests})}
        return {group: find.service for group, find in found.items() if find}

    def _api_service(self, version: str, group: str) -> cluster.ApiService | None:
        if (version, group) not in self._found:
            try:
                self._found[version, group] = self._source.api_service(group, version=version)
            except (faults.Denied, faults.Failed):
                self._found[version, group] = None
        return self._found[version, group]
