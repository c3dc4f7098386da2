"""The fuzzer: some cases of each kind, and that it notices, keeps and replays what is wrong."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fuzz import __main__ as fuzzer
from fuzz import mutate, seeds, targets
from fuzz.targets import TARGETS
from nncomp import NNCompError, container, decompress

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def _models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNCOMP_MODELS", "")  # and back again
    targets.install()


@pytest.mark.parametrize("name", list(TARGETS))
def test_some_cases(name: str) -> None:
    for number in range(5):
        TARGETS[name].check(TARGETS[name].make(random.Random(f"0 {name} {number}")))


def test_a_case_depends_on_its_draw_alone() -> None:
    for name, target in TARGETS.items():
        first, second = (target.make(random.Random(f"1 {name}")) for _ in range(2))
        assert first == second, name


def test_mended_frames_are_whole() -> None:
    """What was not damaged is the same again; what was is not told by a check of its record."""
    for frame in (*targets.frames()[:-1], targets.primed()[-1]):
        head, parts = mutate.records(frame)
        assert mutate.mended(head, parts) == frame
        assert mutate.index_of(head, parts[:-1]) == parts[-1]
    good = targets.frames()[0]
    head, (*blocks, _) = mutate.records(good)
    stored = blocks[3][:-1] + bytes([blocks[3][-1] ^ 1])
    blocks[3] = stored
    with pytest.raises(NNCompError, match="content does not match"):
        decompress(mutate.mended(head, [*blocks, mutate.index_of(head, blocks)]))


def test_what_is_found_is_kept_and_replayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def odd(case: bytes) -> None:
        assert len(case) % 2 == 0, "planted"

    planted = targets.Target(lambda draw: draw.randbytes(draw.randrange(9)), odd, 9)
    monkeypatch.setitem(TARGETS, "planted", planted)
    arguments = ["--out", str(tmp_path), "planted"]
    assert fuzzer.main(arguments) == 1
    kept = sorted(tmp_path.iterdir())
    assert kept and all(len(path.read_bytes()) % 2 for path in kept)
    assert f"kept as {kept[0]}" in capfd.readouterr().out
    assert fuzzer.main([str(kept[0])]) == 1
    assert f"{kept[0]}: does not hold" in capfd.readouterr().out
    even = targets.Target(planted.make, lambda case: None, 9)
    monkeypatch.setitem(TARGETS, "planted", even)
    assert fuzzer.main([str(kept[0])]) == 0
    assert fuzzer.main(arguments) == 0
    assert sorted(tmp_path.iterdir()) == kept
    assert fuzzer.main(["--seconds", "0.1", *arguments]) == 0
    assert capfd.readouterr().out.splitlines()[-2].startswith("seed ")


def test_what_never_ends_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(case: bytes) -> None:
        while True:
            pass

    monkeypatch.setitem(TARGETS, "endless", targets.Target(lambda draw: b"", endless, 1))
    monkeypatch.setattr(fuzzer, "LONGEST", 0.05)
    assert fuzzer.main(["--out", str(tmp_path), "endless"]) == 1


def test_the_case_of_a_crash_stays(tmp_path: Path) -> None:
    code = f"""if True:
        import os, sys
        from fuzz import __main__ as fuzzer, targets
        crash = targets.Target(lambda draw: b"case", lambda case: os.abort(), 1)
        targets.TARGETS["crash"] = crash
        fuzzer.main(["--out", {str(tmp_path)!r}, "crash"])"""
    result = subprocess.run([sys.executable, "-c", code], cwd=HERE, capture_output=True)
    assert result.returncode < 0
    assert (tmp_path / "crash-running").read_bytes() == b"case"


def test_the_native_target_of_files_takes_the_golden_ones() -> None:
    """Its limit for blocks is above all of theirs but one."""
    text = (HERE / "fuzz" / "native" / "container.cpp").read_text()
    (exponent,) = re.findall(r"LARGEST = 1 << (\d+);", text)
    larger = set()
    for path in HERE.joinpath("golden").glob("good-*.nnc"):
        with path.open("rb") as file:
            for item in container.read(file, 1 << 30):
                if isinstance(item, container.Block) and item.size > 1 << int(exponent):
                    larger.add(path.stem)
    assert larger == {"good-repeat-1000000"}


def test_native_targets_have_cases_to_begin_with() -> None:
    """Every target of libFuzzer has a corpus, a small one, and seeds for a new one."""
    text = (HERE / "fuzz" / "native" / "CMakeLists.txt").read_text()
    native = re.findall(r"^fuzzer\((\w+)", text, re.M)
    assert native == sorted(seeds.TARGETS)
    trust = (HERE.parent / "docs" / "trust.md").read_text("utf-8")
    assert re.findall(r"^\| `(\w+)` \| .* \| [\d,]+ \| [\d,]+ \|$", trust, re.M) == native
    for name in native:
        cases = list((HERE / "fuzz" / "corpus" / name).iterdir())
        assert cases and sum(case.stat().st_size for case in cases) <= 48 << 10, name
        assert sum(1 for _ in seeds.TARGETS[name]()) > 0
    heads = [path.read_bytes()[:7] for path in (HERE / "fuzz" / "corpus" / "container").iterdir()]
    magics = container.SMALL_MAGIC, container.MAGIC
    versions = {magic: {h[len(magic)] for h in heads if h.startswith(magic)} for magic in magics}
    primed = container.VERSION | 0x80
    assert versions[container.SMALL_MAGIC] == {container.VERSION, primed}, "fuzz.seeds is due"
    usual = {container.VERSION, container.VERSION | 0x80}  # as they are, and primed
    assert versions[container.MAGIC] == usual, "python -m fuzz.seeds is due"
