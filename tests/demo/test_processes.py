"""The children are small real programs; the kernel shows by its id whether one has ended."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from demo import faults, processes, wait

FOR_EVER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(3600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('up', flush=True); time.sleep(3600)",
]
DEADLINE = 20.0


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def until_it_says(log: Path, text: str) -> None:
    async def said() -> bool:
        return any(text in line for line in processes.tail(log))

    await wait.until(said, what=text, within=DEADLINE)


async def test_every_child_ends_with_its_family(tmp_path: Path) -> None:
    async with processes.family(tmp_path) as family:
        for name in ("one", "two"):
            await family.start(name, FOR_EVER)
        pids = [family.pid(name) for name in ("one", "two")]
        assert all(map(is_alive, pids))
    assert not any(map(is_alive, pids))


async def test_children_end_also_when_the_block_fails(tmp_path: Path) -> None:
    pids = []

    async def fail() -> None:
        async with processes.family(tmp_path) as family:
            await family.start("one", FOR_EVER)
            pids.append(family.pid("one"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert [is_alive(pid) for pid in pids] == [False]


async def test_a_child_that_ignores_the_request_to_end_is_ended(tmp_path: Path) -> None:
    async with processes.family(tmp_path, grace=0.2) as family:
        await family.start("stubborn", STUBBORN)
        await until_it_says(tmp_path / "stubborn.log", "up")
        pid = family.pid("stubborn")
    assert not is_alive(pid)


async def test_a_child_that_dies_ends_the_watch_with_its_last_words(tmp_path: Path) -> None:
    async with processes.family(tmp_path) as family:
        await family.start("one", FOR_EVER)
        await family.start("two", [sys.executable, "-c", "import sys; sys.exit('the disk is full')"])
        with pytest.raises(
            faults.DemoError, match=r"two ended with status 1; its log is .*two\.log\n.*disk is full"
        ):
            await family.watch()


async def test_a_child_that_is_killed_is_told_by_its_signal(tmp_path: Path) -> None:
    async with processes.family(tmp_path) as family:
        await family.start("one", FOR_EVER)
        os.kill(family.pid("one"), signal.SIGKILL)
        with pytest.raises(faults.DemoError, match="one ended by SIGKILL"):
            await family.watch()


async def test_guarded_work_ends_with_the_first_death(tmp_path: Path) -> None:
    async with processes.family(tmp_path) as family:
        await family.start("one", [sys.executable, "-c", "raise SystemExit(3)"])
        began = time.monotonic()
        with pytest.raises(faults.DemoError, match="one ended with status 3"):
            await family.guard(asyncio.sleep(DEADLINE))
        assert time.monotonic() - began < DEADLINE


async def test_guarded_work_gives_its_result(tmp_path: Path) -> None:
    async with processes.family(tmp_path) as family:
        assert await family.guard(asyncio.sleep(0, "done")) == "done"


async def test_a_child_that_was_asked_to_end_is_no_death(tmp_path: Path) -> None:
    async with processes.family(tmp_path) as family:
        await family.start("one", FOR_EVER)
        await family.stop("one")
        assert not family.runs("one")
        assert await family.guard(asyncio.sleep(0.05, "alive")) == "alive"


async def test_a_child_started_again_writes_on_in_its_log(tmp_path: Path) -> None:
    log = tmp_path / "one.log"
    log.write_text("from an earlier day")
    async with processes.family(tmp_path) as family:
        for word in ("first", "second"):
            program = f"import time; print('{word}', flush=True); time.sleep(3600)"
            await family.start("one", [sys.executable, "-c", program])
            await until_it_says(log, word)
            await family.stop("one")
    assert log.read_text() == "first\nsecond\n"


async def test_a_program_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    async with processes.family(tmp_path) as family:
        with pytest.raises(faults.DemoError, match=r"one cannot start: .*missing: No such file"):
            await family.start("one", [str(tmp_path / "missing")])


async def test_children_do_not_outlive_a_parent_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import asyncio, pathlib, sys\n"
        "from demo import processes\n"
        "async def main():\n"
        "    async with processes.family(pathlib.Path(sys.argv[1])) as family:\n"
        "        await family.start('child', sys.argv[2:])\n"
        "        print(family.pid('child'), flush=True)\n"
        "        await family.watch()\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, str(tmp_path), *STUBBORN), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    child = int(await parent.stdout.readline())
    assert is_alive(child)
    parent.kill()
    await parent.wait()

    async def gone() -> bool:
        return not is_alive(child)

    await wait.until(gone, what="the end of the child", within=DEADLINE)
