"""Run the fuzzer: ``make fuzz``, or in the folder tests:

    python -m fuzz [--seconds N | --cases N] [--seed S] [--out FOLDER] [TARGET…]
    python -m fuzz FOLDER/TARGET-SEED-NUMBER…              replays what was found

Without ``--seconds`` the cases are the same in every run; with it the seed is drawn and printed. A
case that shows a fault is kept in the folder as a file, and the exit status is 1. The case at work
is in ``TARGET-running``: after a crash it is still there.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from fuzz import targets
from fuzz.targets import TARGETS

LONGEST = 60.0  # seconds of CPU time that a case may take; it may wait ten times as long
MOST = 5  # findings of a target, after which it is left alone


class TooSlow(Exception):
    """A case takes longer than any should."""


def _raise(number: int, frame: FrameType | None) -> None:
    raise TooSlow


@contextlib.contextmanager
def limited() -> Iterator[None]:
    """Ends what takes too long, be it work or waiting."""
    for number in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(number, _raise)
    signal.setitimer(signal.ITIMER_PROF, LONGEST)
    signal.setitimer(signal.ITIMER_REAL, 10 * LONGEST)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)


def holds(name: str, case: bytes) -> bool:
    """Whether everything holds for a case; if not, says what does not."""
    try:
        with limited():
            TARGETS[name].check(case)
    except Exception:
        traceback.print_exc()
        return False
    return True


def fuzz(names: list[str], seed: int, most: int | None, seconds: float | None, out: Path) -> int:
    """Make and check cases, one of each target in turn; returns how many show a fault.

    They end after ``seconds``, or else after the cases of each target, or ``most`` of them.
    """
    out.mkdir(parents=True, exist_ok=True)
    found = dict.fromkeys(names, 0)
    done = dict.fromkeys(names, 0)
    end = time.monotonic() + (seconds or 0)
    at_work = True
    while at_work:
        at_work = False
        for name in names:
            number = done[name]
            if seconds is None:
                over = number >= min(TARGETS[name].cases, most or TARGETS[name].cases)
            else:
                over = time.monotonic() > end
            if over or found[name] >= MOST:
                continue
            at_work = True
            done[name] += 1
            case = TARGETS[name].make(random.Random(f"{seed} {name} {number}"))
            running = out / f"{name}-running"
            running.write_bytes(case)
            if holds(name, case):
                running.unlink()
            else:
                found[name] += 1
                kept = running.rename(out / f"{name}-{seed}-{number}")
                print(f"found: case {number} of {name}, kept as {kept}", flush=True)
    print("cases:", ", ".join(f"{name} {count}" for name, count in done.items()))
    return sum(found.values())


def replay(paths: list[Path]) -> int:
    """Check kept cases, whose names begin with their target's; returns how many show a fault."""
    failed = 0
    for path in paths:
        good = holds(path.name.partition("-")[0], path.read_bytes())
        print(f"{path}: {'holds' if good else 'does not hold'}", flush=True)
        failed += not good
    return failed


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, help="go on for so long, with a drawn seed")
    parser.add_argument("--cases", type=int, help="no more than so many of a target")
    parser.add_argument("--seed", type=int, help="1, or with --seconds drawn")
    parser.add_argument("--out", type=Path, default=Path("build/fuzz"), help="for what is found")
    parser.add_argument("what", nargs="*", help=f"targets ({', '.join(TARGETS)}) or kept cases")
    options = parser.parse_args(arguments)
    targets.install()
    names = [what for what in options.what if what in TARGETS]
    paths = [Path(what) for what in options.what if what not in TARGETS]
    if paths:
        return 1 if replay(paths) else 0
    seed = options.seed
    if seed is None:
        seed = 1 if options.seconds is None else random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}", flush=True)
    names = names or list(TARGETS)
    return 1 if fuzz(names, seed, options.cases, options.seconds, options.out) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
