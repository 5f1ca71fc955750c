"""The identities of the workloads as Secrets, of a CA whose key is not kept.

They are created when the demo is installed and are in no file: installing it again gives all sidecars new
ones. Their namespaces are included, so that they can be created before the pods.
"""

import base64
import datetime
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from demo import blueprint, certificates
from demo.pods import containers, manifests

LIFETIME = datetime.timedelta(days=90)


def objects(plan: blueprint.Blueprint, *, now: datetime.datetime) -> Iterator[Mapping[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        files = certificates.Files(Path(folder))
        names = [workload.name for workload in plan.workloads]
        certificates.write(files, workloads=names, now=now, lifetime=LIFETIME)
        yield from manifests.namespaces(plan)
        for workload in plan.workloads:
            name = blueprint.Name(manifests.home(workload).namespace, containers.secret_name(workload.name))
            own = (files.authority, files.chain(workload.name), files.key(workload.name))
            data = {path.name: base64.b64encode(path.read_bytes()).decode() for path in own}
            yield {"apiVersion": "v1", "kind": "Secret", "metadata": manifests.metadata(name), "data": data}
