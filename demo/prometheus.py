"""The Prometheus of the mesh: its binary, and targets with the labels of a Kubernetes scrape.

The labels are those that a scrape of pods with `labelmap` gives: namespace, pod, container, node and the
pod's own labels, with the characters that Prometheus does not allow replaced. A machine outside Kubernetes
has neither pod nor node but `external_workload`.
"""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from demo import faults, placement

JOB = "envoy-stats"
FETCHED = Path(__file__).resolve().parents[1] / ".tools/prometheus/usr/bin/prometheus"
METRICS_PATH = "/stats/prometheus"
_MAX_TIMEOUT = 5.0


def binary(environment: Mapping[str, str] = os.environ) -> Path:
    """The program of the environment, else of `demo/fetch-prometheus`, else of the PATH."""
    named = environment.get("PROMETHEUS")
    if named:
        if not os.access(named, os.X_OK):
            raise faults.DemoError(f"PROMETHEUS names {named}, which is no program; correct or unset it")
        return Path(named).resolve()
    if FETCHED.is_file():
        return FETCHED
    found = shutil.which("prometheus", path=environment.get("PATH"))
    if found is None:
        raise faults.DemoError("no prometheus here: run demo/fetch-prometheus, or set PROMETHEUS to its path")
    return Path(found).resolve()


def command(program: Path, *, folder: Path, listen: tuple[str, int]) -> list[str]:
    return [
        str(program),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={listen[0]}:{listen[1]}",
        "--log.level=warn",
    ]


def config(where: placement.Placement, *, scrape_interval: float) -> Mapping[str, Any]:
    """`scrape_interval` in seconds."""
    timeout = min(scrape_interval, _MAX_TIMEOUT)
    return {
        "global": {
            "scrape_interval": duration(scrape_interval),
            "scrape_timeout": duration(timeout),
            "evaluation_interval": "1m",
        },
        "scrape_configs": [
            {
                "job_name": JOB,
                "metrics_path": METRICS_PATH,
                "static_configs": [
                    {"targets": [pod.metrics_address], "labels": target_labels(pod)} for pod in where.pods
                ],
            }
        ],
    }


def target_labels(pod: placement.Pod) -> dict[str, str]:
    own = {re.sub(r"[^a-zA-Z0-9_]", "_", name): value for name, value in pod.labels.items()}
    if not pod.workload.in_cluster:
        return {**own, "namespace": pod.namespace, "external_workload": pod.name}
    place = {"namespace": pod.namespace, "pod": pod.name, "container": "envoy", "node": pod.node}
    return {**own, **place}


def duration(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"


async def scraped(http: aiohttp.ClientSession, url: str) -> int:
    """How many sidecars answered their last scrape; 0 while that is unknown."""
    try:
        async with http.get(f"{url}/api/v1/query", params={"query": f'sum(up{{job="{JOB}"}})'}) as response:
            answer = await response.json() if response.status == 200 else {}
    except aiohttp.ClientError:
        return 0
    rows = answer.get("data", {}).get("result", [])
    return int(float(rows[0]["value"][1])) if rows else 0
