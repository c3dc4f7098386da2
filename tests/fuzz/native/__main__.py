"""Fuzz native code with libFuzzer, sanitizers and all cores: ``make fuzz HOURS=N``, or anywhere:

    python tests/fuzz/native [--hours N | --seconds N] [--processes N] [--optional] [TARGET…]
    python tests/fuzz/native --minimize FOLDER [TARGET…]

Needs CMake and Clang with libFuzzer, but no installed nncomp. Each target is a program, built into
``build/fuzz``. It begins with the cases in its folder of ``tests/fuzz/corpus`` and keeps those that
reach more code in ``build/fuzz/corpus``. The number of executions and the CPU time of each target
are printed, and of each run written to ``build/fuzz/runs.jsonl``. A case that shows a fault is kept
in ``build/fuzz/found`` under the name of its target, whose program replays it; then the exit status
is 1.

``--minimize`` writes ``tests/fuzz/corpus`` anew: the fewest cases that reach as much code as all
cases there, in ``build/fuzz/corpus``, and in the target's folder of FOLDER, which
``python -m fuzz.seeds`` makes.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
TESTS = HERE.parents[1]
ROOT = TESTS.parent
BUILD = ROOT / "build" / "fuzz"
CORPUS = HERE.parent / "corpus"
MOST = 5  # findings of a target after which it is not started again
SAID = 30  # lines of a finding that are printed
LARGEST = 1 << 14  # bytes of a case at most
KEPT_CASE, KEPT = 4 << 10, 48 << 10  # bytes of a case in the corpus, and of all those of a target

TARGETS = re.findall(r"^fuzzer\((\w+)", (HERE / "CMakeLists.txt").read_text(), re.M)
# Folders of other tests whose files are cases, too.
BESIDE = {
    "container": TESTS / "golden",
    "deflate_split": TESTS / "deflate",
    "gif_split": TESTS / "gif",
    "jpeg_split": TESTS / "jpeg",
}

# libFuzzer counts elapsed time, so its limit is high: harness.cpp limits CPU time.
LIMITS = [
    *("-rss_limit_mb=2048", "-malloc_limit_mb=512", f"-max_len={LARGEST}"),
    *("-timeout=600", "-report_slow_units=600"),
]


@dataclass(frozen=True)
class Run:
    """One run of a target's program."""

    target: str
    executions: int
    seconds: float  # of CPU time
    found: bool


def has_libfuzzer() -> bool:
    """Whether Clang is installed with the libraries for fuzzers, and CMake."""
    if shutil.which("cmake") is None or shutil.which("clang++") is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "try.cpp")
        source.write_text('extern "C" int LLVMFuzzerTestOneInput(const char*, long) { return 0; }')
        flags = ["-fsanitize=fuzzer,address,undefined", "-o", Path(folder, "try")]
        return subprocess.run(["clang++", source, *flags], capture_output=True).returncode == 0


def build(targets: Iterable[str]) -> None:
    """Build the programs of the targets."""
    settings = ["-DFUZZ=ON", "-DSTRICT=ON", "-DCMAKE_CXX_COMPILER=clang++"]
    subprocess.run(["cmake", "-S", ROOT, "-B", BUILD, *settings], check=True, stdout=sys.stderr)
    command = ["cmake", "--build", BUILD, "--parallel", str(os.cpu_count()), "--target"]
    subprocess.run([*command, *map("fuzz_{}".format, targets)], check=True, stdout=sys.stderr)


def program(target: str) -> Path:
    return BUILD / "tests" / "fuzz" / "native" / f"fuzz_{target}"


def start(target: str, *arguments: str | Path) -> tuple[Run, str]:
    """Run a target's program. Returns the run and the text that it printed."""
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        process = subprocess.Popen(
            [program(target), *LIMITS, "-print_final_stats=1", *arguments],
            stdout=said,
            stderr=said,
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read()
    stats = {name: int(n) for name, n in re.findall(r"^stat::(\w+): *(\d+)$", text, re.M)}
    executions = stats.get("number_of_executed_units", 0)
    seconds = used.ru_utime + used.ru_stime
    return Run(target, executions, seconds, process.returncode != 0), text


def work(target: str, seconds: float) -> list[Run]:
    """Run a target for this time; it is started again after each case that ends it."""
    corpus, found = BUILD / "corpus" / target, BUILD / "found"
    corpus.mkdir(parents=True, exist_ok=True)
    found.mkdir(exist_ok=True)
    begin = [
        folder for folder in (CORPUS / target, BESIDE.get(target)) if folder and folder.is_dir()
    ]
    end = time.monotonic() + seconds
    runs: list[Run] = []
    while (left := int(end - time.monotonic() + 0.5)) > 0 and sum(r.found for r in runs) < MOST:
        limit = f"-max_total_time={left}"
        run, text = start(target, limit, f"-artifact_prefix={found}/{target}-", corpus, *begin)
        runs.append(run)
        with (BUILD / "runs.jsonl").open("a") as log:
            log.write(json.dumps(asdict(run)) + "\n")
        if run.found:
            kept = re.findall(r"written to (\S+)", text)
            path = Path(kept[-1] if kept else found / target)
            path.with_name(path.name + ".txt").write_text(text)
            # The fault, and the case if it is small; lines of progress begin with "#".
            said = [line for line in text.splitlines() if not line.startswith("#")][-SAID:]
            print(*said, f"found by {target}: see {path}.txt", sep="\n", flush=True)
    return runs


def tell(runs: list[Run]) -> None:
    for target in dict.fromkeys(run.target for run in runs):
        its = [run for run in runs if run.target == target]
        executions, seconds = sum(run.executions for run in its), sum(run.seconds for run in its)
        print(f"{target}: {executions} executions in {seconds:.0f} seconds of CPU time")
    total = sum(run.executions for run in runs)
    print(f"{total} executions, {sum(run.found for run in runs)} findings", flush=True)


def minimize(target: str, fresh: Path) -> None:
    """Write the smallest cases that reach as much code as all of them, up to ``KEPT`` bytes."""
    folders = [CORPUS / target, BUILD / "corpus" / target, fresh / target]
    with tempfile.TemporaryDirectory(dir=BUILD) as name:
        some = [folder for folder in folders if folder.is_dir()]
        start(target, "-merge=1", f"-max_len={KEPT_CASE}", name, *some)
        cases = sorted((path.read_bytes(), path.name) for path in Path(name).iterdir())
    if target in BESIDE:  # these files are cases anyway
        others = {path.read_bytes() for path in BESIDE[target].iterdir() if path.is_file()}
        cases = [case for case in cases if case[0] not in others]
    shutil.rmtree(CORPUS / target, ignore_errors=True)
    (CORPUS / target).mkdir(parents=True)
    left = KEPT
    for case, digest in sorted(cases, key=lambda case: (len(case[0]), case)):
        left -= len(case)
        if left < 0:
            break
        (CORPUS / target / digest).write_bytes(case)
    print(f"{target}: {KEPT - max(left, 0)} bytes", flush=True)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="native", description=__doc__.partition("\n")[0])
    parser.add_argument("--hours", type=float, default=0, help="of all targets, all together")
    parser.add_argument("--seconds", type=float, default=60, help="the same")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--optional", action="store_true", help="without libFuzzer, all is well")
    parser.add_argument("--minimize", type=Path, metavar="FOLDER")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    options = parser.parse_args(arguments)
    targets = options.targets or TARGETS
    if unknown := set(targets) - set(TARGETS):
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    if not has_libfuzzer():
        print("not run: there is no Clang with libFuzzer here, or no CMake")
        return 0 if options.optional else 1
    build(targets)
    if options.minimize:
        for target in targets:
            minimize(target, options.minimize)
        return 0
    seconds = options.hours * 3600 or options.seconds
    share = seconds * min(options.processes, len(targets)) / len(targets)
    with ThreadPoolExecutor(options.processes) as pool:
        runs = [run for some in pool.map(lambda t: work(t, share), targets) for run in some]
    tell(runs)
    return 1 if any(run.found for run in runs) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
