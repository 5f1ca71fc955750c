"""Look up which Service serves an autoscaling API, once for each group."""

from collections.abc import Iterable, Mapping

from dashboard.client import cluster, faults, measures

_OURS = "v1alpha1", "metrics.smi-spec.io"


class Servers:
    """Caches versions and owners of API groups. Safe to use from several threads."""

    def __init__(self, source: cluster.ClusterReader) -> None:
        self._source = source
        self._versions: dict[str, str | None] = {}
        self._owners: dict[tuple[str, str], cluster.Registration | None] = {}

    def version(self, group: str) -> str | None:
        """The version that the HPA controller uses; None if the group is not served."""
        if group not in self._versions:
            self._versions[group] = self._source.version(group)
        return self._versions[group]

    def owner(self, group: str) -> cluster.Registration | None:
        """The APIService of a group; None without one or without the right to read it."""
        version = self.version(group)
        return self._registered(version, group) if version else None

    def is_foreign(self, group: str) -> bool:
        """Whether another Service than TrafficMetrics serves the group."""
        owner, ours = self.owner(group), self._registered(*_OURS)
        return owner is not None and ours is not None and owner.service != ours.service

    def names(self, questions: Iterable[measures.ApiRequest]) -> Mapping[str, str]:
        """The Service of each group, as `namespace/name`; groups with an unknown one are left out."""
        owners = {group: self.owner(group) for group in sorted({one.group for one in questions})}
        return {group: owner.service for group, owner in owners.items() if owner}

    def _registered(self, version: str, group: str) -> cluster.Registration | None:
        if (version, group) not in self._owners:
            try:
                self._owners[version, group] = self._source.registration(group, version=version)
            except (faults.Denied, faults.Failed):
                self._owners[version, group] = None
        return self._owners[version, group]
