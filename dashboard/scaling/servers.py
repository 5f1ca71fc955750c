"""Who answers for the autoscaler's APIs, asked once."""

from collections.abc import Iterable, Mapping

from dashboard.client import cluster, faults, measures

_OURS = "v1alpha1", "metrics.smi-spec.io"


class Servers:
    """Safe to use from several threads: at worst something is asked twice."""

    def __init__(self, source: cluster.Cluster) -> None:
        self._source = source
        self._versions: dict[str, str | None] = {}
        self._owners: dict[tuple[str, str], cluster.Registration | None] = {}

    def version(self, group: str) -> str | None:
        """What the HPA controller will use; None when nobody serves the group."""
        if group not in self._versions:
            self._versions[group] = self._source.version(group)
        return self._versions[group]

    def owner(self, group: str) -> cluster.Registration | None:
        """None also for those who may not know."""
        version = self.version(group)
        return self._registered(version, group) if version else None

    def is_foreign(self, group: str) -> bool:
        """Whether a group belongs to another Service than TrafficMetrics itself."""
        owner, ours = self.owner(group), self._registered(*_OURS)
        return owner is not None and ours is not None and owner.service != ours.service

    def names(self, questions: Iterable[measures.Question]) -> Mapping[str, str]:
        """The Service that answers, by group."""
        owners = {group: self.owner(group) for group in sorted({one.group for one in questions})}
        return {group: owner.service for group, owner in owners.items() if owner}

    def _registered(self, version: str, group: str) -> cluster.Registration | None:
        if (version, group) not in self._owners:
            try:
                self._owners[version, group] = self._source.registration(group, version=version)
            except (faults.Denied, faults.Failed):
                self._owners[version, group] = None
        return self._owners[version, group]
