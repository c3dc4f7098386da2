"""The golden corpus of tests/golden: the prefix of a file's name is the expected result."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import pytest

import commandline
from commandline import Run
from conftest import some_quick
from golden.files import PRIME, golden_model
from nncomp import decompress, model
from nncomp.api import decompress_stream
from nncomp.errors import FormatError, ModelNotFoundError, NNCompError
from nncomp.options import Options

HERE = Path(__file__).parent / "golden"
INDEX = json.loads((HERE / "files.json").read_text())
FILES = sorted(HERE.glob("*.nnc"))


def named(prefix: str) -> list[Path]:
    return [path for path in FILES if path.name.startswith(prefix)]


@pytest.fixture(scope="module")
def models_for_golden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("golden")
    (directory / "test.safetensors").write_bytes(model.dumps(golden_model()))
    return directory


@pytest.fixture(autouse=True)
def _models(models_for_golden: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commandline.use_models(monkeypatch, models_for_golden)


def is_expected(path: Path, content: bytes) -> bool:
    digest = hashlib.blake2b(content, digest_size=16).hexdigest()
    return bool(INDEX[path.name] == {"size": len(content), "blake2b": digest})


class Dripping(io.RawIOBase):
    """Gives a byte at a time, whatever is asked for."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, size: int = -1, /) -> bytes:
        return self._data.read(1)


def test_corpus_is_complete_and_small() -> None:
    assert golden_model().id.hex() == INDEX["model"]
    assert {path.name for path in named("good-")} == INDEX.keys() - {"model"}
    assert len(named("good-")) + len(named("bad-")) + len(named("unsupported-")) == len(FILES)
    assert sum(path.stat().st_size for path in FILES) < 260_000


@pytest.mark.parametrize(
    "path",
    some_quick(named("good-"), *(p for p in named("good-") if INDEX[p.name]["size"] <= 5000)),
    ids=lambda path: path.stem,
)
def test_good(path: Path) -> None:
    data = path.read_bytes()
    assert is_expected(path, decompress(data, prime=PRIME))
    assert is_expected(path, decompress(data, threads=3, prime=PRIME))
    dripped = io.BytesIO()
    decompress_stream(Dripping(data), dripped, Options(prime=PRIME))
    assert is_expected(path, dripped.getvalue())


SHORT = [path for path in named("good-") if INDEX[path.name]["size"] <= 1100]


@pytest.mark.parametrize(
    "path",
    some_quick(SHORT, HERE / "good-stored.nnc", HERE / "good-network-change.nnc"),
    ids=lambda path: path.stem,
)
def test_good_by_the_reference(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short ones, as it takes its time."""
    monkeypatch.setenv("NNCOMP_ENGINE", "reference")
    assert is_expected(path, decompress(path.read_bytes(), prime=PRIME))


@pytest.mark.parametrize("path", named("bad-"), ids=lambda path: path.stem)
def test_bad(path: Path) -> None:
    with pytest.raises(NNCompError) as caught:
        decompress(path.read_bytes(), prime=PRIME)
    assert not isinstance(caught.value, ModelNotFoundError)


@pytest.mark.parametrize("path", named("unsupported-"), ids=lambda path: path.stem)
def test_unsupported(path: Path) -> None:
    with pytest.raises(
        (FormatError, ModelNotFoundError), match=r"not supported|reserved|not found"
    ):
        decompress(path.read_bytes(), prime=PRIME)


def test_embedded_model_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    commandline.use_models(monkeypatch, Path("/nowhere"))
    path = HERE / "good-network-embedded.nnc"
    assert is_expected(path, decompress(path.read_bytes(), prime=PRIME))


@pytest.mark.slow
def test_the_command_agrees(run: Run, models_for_golden: Path, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        commandline.use_models(patch, models_for_golden)
        (tmp_path / "prime").write_bytes(PRIME.data)
        result = run("test", "--json", "--prime", tmp_path / "prime", *FILES, status=1)
    for entry in json.loads(result.stdout):
        assert entry["ok"] == Path(entry["name"]).name.startswith("good-")
