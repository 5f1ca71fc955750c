"""What it costs to know the owners of pods in a big cluster: `python -m bench ownership`.

A real kube-apiserver, without controllers and nodes, is filled with pods and their owners; then a process
that only holds the ownership is started and measured.
"""

import asyncio
import contextlib
import json
import os
import signal
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import click

from apiservice.kube import config, list_watch
from bench import population, report, usage
from demo import ending, faults
from tests.cluster import cluster

_FOLDER = Path(".bench/ownership")
_MEMORY_AIM = 150
"""Megabytes."""
_READY_AIM = 5
"""Seconds."""
_RATE = 100
"""Changes of pods per second."""
_SECONDS = 20
_LOOKS = 15


class Holder:
    """The process that holds the ownership."""

    def __init__(self, process: asyncio.subprocess.Process, *, ready: dict[str, Any], took: float) -> None:
        self._process = process
        self.ready = ready
        self.took = took
        """Seconds from its start until its first list was complete."""

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ask(self, question: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(question.encode() + b"\n")
        return await _line(self._process)


@contextlib.asynccontextmanager
async def holding(kubeconfig: Path) -> AsyncIterator[Holder]:
    """Run one until the end of the block; the block starts when its first list is complete."""
    begun = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.holding", str(kubeconfig)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        ready = await _line(process)
        yield Holder(process, ready=ready, took=time.perf_counter() - begun)
    finally:
        process.kill()
        await process.wait()


async def _line(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        raise faults.DemoError("the process that holds the ownership has ended")
    content: dict[str, Any] = json.loads(line)
    return content


async def run(pods: int, *, show: Callable[[report.Table], None], say: Callable[[str], None]) -> None:
    """Show the tables as they come. Raises demo.faults.DemoError."""
    people = population.Population(pods)
    async with cluster.Cluster(state=_FOLDER / "cluster", name="bench", nodes=False, report=say) as running:
        for program in ("kube-controller-manager", "kube-scheduler"):
            # They would see that there is no node behind the pods.
            os.kill(running.pid(program), signal.SIGKILL)
        connection = await config.from_kubeconfig(running.kubeconfig)
        connector = aiohttp.TCPConnector(ssl=connection.tls or True)
        async with aiohttp.ClientSession(connector=connector) as http:
            writer = population.Writer(connection, http=http)
            say(f"writing {pods} pods")
            await writer.fill(people)
            say("forms of a list")
            show(await _forms(writer))
            async with holding(running.kubeconfig) as holder:
                await _look(holder, writer, people=people, show=show, say=say)


async def _look(
    holder: Holder,
    writer: population.Writer,
    *,
    people: population.Population,
    show: Callable[[report.Table], None],
    say: Callable[[str], None],
) -> None:
    memory = {f"{people.pod_count} pods, complete": _memory(holder)}
    show(_started(holder))
    say("single changes")
    show(await _changes(holder, writer, people=people))
    say(f"{_RATE} changes a second")
    show(await _load(holder, writer, people=people))
    memory[f"after {2 * _RATE * _SECONDS} changes"] = _memory(holder)
    kept = (await holder.ask("keep"))["kept"]
    memory[f"with {kept} deleted pods remembered"] = _memory(holder)
    show(report.Table(name="Memory", about=f"MB; aim: {_MEMORY_AIM} at most", rows=memory, compared="most"))


async def _forms(writer: population.Writer) -> report.Table:
    """Measure a page of pods in each form, to compare the sizes and the times."""
    rows: dict[str, report.Cells] = {}
    forms = {"whole": list_watch.WHOLE, "rows": list_watch.ROWS, "metadata": list_watch.METADATA}
    for name, form in forms.items():
        length, taken = 0, []
        for _ in range(5):
            begun = time.perf_counter()
            path = "/api/v1/pods?limit=500" + "".join(f"&{key}={value}" for key, value in form.query.items())
            _, length = await writer.read(path, accept=form.listed)
            taken.append(time.perf_counter() - begun)
        rows[name] = {"kB": length / 1024, "median ms": 1000 * statistics.median(taken)}
    return report.Table(name="A page of 500 pods", about="sent, read and decoded", rows=rows, compared="kB")


def _started(holder: Holder) -> report.Table:
    cells: report.Cells = {
        "things": holder.ready["things"],
        "from watching to complete s": holder.ready["seconds"],
        "from nothing to complete s": holder.took,
        "CPU s": usage.cpu(holder.pid),
    }
    return report.Table(
        name="Start",
        about=f"aim: {_READY_AIM} s at most",
        rows={"one process": cells},
        compared="from nothing to complete s",
    )


async def _changes(
    holder: Holder, writer: population.Writer, *, people: population.Population
) -> report.Table:
    heard, first, again, indexed = [], [], [], []
    for number in range(_LOOKS):
        value = f"v{number}"
        begun = time.perf_counter()
        await writer.label(people.pod(number), value=value)
        while value not in (answer := await holder.ask("current"))["moved"]:
            pass
        heard.append(time.perf_counter() - begun)
        first.append(answer["first"])
        again.append(answer["again"])
        indexed.append(answer["indexed"])
    figures = {
        "written, heard of and asked for": heard,
        "the inventory, made anew": first,
        "the same, unchanged": again,
        "its indices, made anew": indexed,
    }
    rows: dict[str, report.Cells] = {
        name: {"median ms": 1000 * statistics.median(values), "most ms": 1000 * max(values)}
        for name, values in figures.items()
    }
    return report.Table(name="After one change of a pod", about="", rows=rows, compared="median ms")


async def _load(holder: Holder, writer: population.Writer, *, people: population.Population) -> report.Table:
    async def status(number: int) -> None:
        await writer.report_status(people.pod(number % people.pod_count), number=number + 100_000)

    async def label(number: int) -> None:
        await writer.label(people.pod(number % people.pod_count), value=f"w{number}")

    rows: dict[str, report.Cells] = {}
    for name, change in {"of their status": status, "of their labels": label}.items():
        before, begun = usage.cpu(holder.pid), time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(_RATE * _SECONDS):
                group.create_task(change(number))
                await asyncio.sleep(max(0.0, begun + number / _RATE - time.perf_counter()))
        took = time.perf_counter() - begun
        used = usage.cpu(holder.pid) - before
        changes = _RATE * _SECONDS
        rows[name] = {
            "changes/s": changes / took,
            "CPU %": 100 * used / took,
            "CPU ms of a change": 1000 * used / changes,
        }
    return report.Table(
        name="Changes of pods",
        about=f"CPU of one core; {_RATE} changes/s are written, or as many as the kube-apiserver takes",
        rows=rows,
        compared="CPU ms of a change",
    )


def _memory(holder: Holder) -> report.Cells:
    now, most = usage.memory(holder.pid)
    return {"now": now, "most": most}


@click.command()
@click.option("--pods", type=int, default=5000, show_default=True, help="The size of the cluster.")
def main(*, pods: int) -> None:
    """Measure what it costs to know the owners of pods, with a real kube-apiserver."""
    ending.until_stopped(_sit(pods))


async def _sit(pods: int) -> None:
    with report.sitting(_FOLDER, pods=pods, width=130) as sitting:
        await run(pods, show=sitting.show, say=report.say)
