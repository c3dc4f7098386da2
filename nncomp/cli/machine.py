"""What the machine gives this process, of CPUs and of memory.

A container or a service may have less than there is: its control groups say so
(https://docs.kernel.org/admin-guide/cgroup-v2.html, and cgroup-v1).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

__all__ = ["cpus", "memory"]

_TREE = "sys/fs/cgroup"
_OWN = "proc/self/cgroup"  # the groups that this process is in


def cpus(root: str = "/") -> int:
    """How many threads can run at a time, at least 1. ``root`` is for tests."""
    if hasattr(os, "sched_getaffinity"):
        there = len(os.sched_getaffinity(0))
    else:
        there = os.cpu_count() or 1
    return max(1, min([there, *_quotas(root)]))


def memory(root: str = "/") -> int:
    """Bytes of memory that this process may come to have, swap not counted; 0: not known."""
    try:
        there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 0
    return max(0, min([there, *_memory_limits(root), *_address_space()]))


def _quotas(root: str) -> Iterator[int]:
    """Yield how many CPUs, in whole ones, each group grants: so much time of them in a period."""
    for group in _groups(root, "cpu"):
        words = _read(group, "cpu.max").split()
        if not words:
            words = [_read(group, "cpu.cfs_quota_us"), _read(group, "cpu.cfs_period_us")]
        if len(words) == 2 and all(map(str.isdecimal, words)) and int(words[1]):
            yield -(-int(words[0]) // int(words[1]))


def _memory_limits(root: str) -> Iterator[int]:
    for group in _groups(root, "memory"):
        for name in ("memory.max", "memory.high", "memory.limit_in_bytes"):
            word = _read(group, name)
            if word.isdecimal():
                yield int(word)


def _address_space() -> Iterator[int]:
    """Yield the limit of ``ulimit -v``, if there is one."""
    with contextlib.suppress(ImportError):
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limit != resource.RLIM_INFINITY:
            yield limit


def _groups(root: str, controller: str) -> Iterator[str]:
    """Yield the folders of the groups whose ``controller`` this process is under: its own and those
    around it. In a container, a path may be one of the host's: then the outermost is its own."""
    for line in _read(root, _OWN).splitlines():
        _, names, path = line.split(":", 2)
        if not names:  # version 2: one tree for all controllers
            top = os.path.join(root, _TREE)
        elif controller in names.split(","):
            top = os.path.join(root, _TREE, controller)
        else:
            continue
        folder = top + path.rstrip("/")
        while len(folder) > len(top):
            yield folder
            folder = os.path.dirname(folder)
        yield top


def _read(folder: str, name: str) -> str:
    """What a file says; nothing if it is not there."""
    try:
        with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""
