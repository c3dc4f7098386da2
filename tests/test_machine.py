"""What a machine, a container or a service gives: CPUs and memory."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click
import pytest

from nncomp.cli import machine
from nncomp.cli.options import file_options, options_of
from nncomp.container import Header
from nncomp.mixing import Profile
from nncomp.network import ARITHMETIC
from nncomp.places import Places
from nncomp.plan import memory

GIB = 1 << 30


def tree(root: Path, own: str, files: dict[str, str]) -> str:
    """Files as Linux has them below ``root``: a process in the groups ``own``."""
    for name, text in {"proc/self/cgroup": own, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return f"{root}/"


def test_without_groups(tmp_path: Path) -> None:
    assert machine.cpus(f"{tmp_path}/") >= 1
    assert machine.memory(f"{tmp_path}/") >= 1 << 28


@pytest.mark.parametrize(("quota", "granted"), [("100000", 1), ("150000", 2), ("1000", 1)])
def test_a_quota_of_cpus(tmp_path: Path, quota: str, granted: int) -> None:
    whole = machine.cpus(f"{tmp_path}/")
    one = tree(tmp_path / "a", "0::/\n", {"sys/fs/cgroup/cpu.max": f"{quota} 100000\n"})
    old = tree(
        tmp_path / "b",
        "3:cpu,cpuacct:/docker/7a\n0::/\n",
        {
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": f"{quota}\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        },
    )
    assert machine.cpus(one) == machine.cpus(old) == min(whole, granted)


@pytest.mark.parametrize("text", ["max 100000\n", "", "-1", "0 0\n"])
def test_no_quota(tmp_path: Path, text: str) -> None:
    whole = machine.cpus(f"{tmp_path}/")
    assert machine.cpus(tree(tmp_path, "0::/\n", {"sys/fs/cgroup/cpu.max": text})) == whole


def test_the_narrowest_group_counts(tmp_path: Path) -> None:
    group = "sys/fs/cgroup/system.slice/app.service"
    files = {
        "sys/fs/cgroup/system.slice/memory.max": f"{GIB // 8}\n",
        f"{group}/memory.max": "max\n",
        f"{group}/memory.high": f"{GIB // 4}\n",
        "sys/fs/cgroup/other/memory.max": "1\n",
    }
    own = "0::/system.slice/app.service\n"
    assert machine.memory(tree(tmp_path, own, files)) == GIB // 8


def test_memory_in_a_container_of_version_1(tmp_path: Path) -> None:
    files = {"sys/fs/cgroup/memory/memory.limit_in_bytes": f"{GIB // 16}\n"}
    assert machine.memory(tree(tmp_path, "4:memory:/docker/7a\n", files)) == GIB // 16
    files = {"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}
    whole = machine.memory(f"{tmp_path}/none/")
    assert machine.memory(tree(tmp_path / "b", "4:memory:/\n", files)) == whole


def test_an_address_space() -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = 1 << 41
    if soft != resource.RLIM_INFINITY and soft < limit:
        pytest.skip("there is a lower limit")
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    try:
        assert machine.memory() <= limit
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@pytest.mark.parametrize(
    ("given", "there", "in_flight"),
    [
        ([], 64 * GIB, 16 * GIB),
        ([], 2 * GIB, GIB),
        ([], 0, GIB),
        (["--memory", "3GiB"], 64 * GIB, 3 * GIB),
        (["--memory", "1GiB"], 64 * GIB, GIB),
    ],
)
def test_what_is_done_at_a_time(
    monkeypatch: pytest.MonkeyPatch, given: list[str], there: int, in_flight: int
) -> None:
    monkeypatch.setattr(machine, "memory", lambda: there)
    monkeypatch.delenv("NNCOMP_THREADS", raising=False)
    ctx = click.command()(file_options(lambda: None)).make_context("nncomp", [*given])
    values = {name: ctx.params[name] for name in ctx.params if not name.startswith("files")}
    options = options_of(ctx, **values)
    assert (options.memory, options.in_flight) == (in_flight if given else GIB, in_flight)
    call = options.of_call()
    places = Places(dataclasses.replace(call, level=9, threads=16), None)
    header = Header(1 << 24, 8, ARITHMETIC, Profile.MAX)
    places.expect(header, None, None)
    one = memory.of_frame(header, None, None)
    assert places.width() == min(16, max(1, in_flight // one))
