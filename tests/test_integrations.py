"""nncomp inside other libraries; those that are not installed are passed over."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest

import commandline
import models
import nncomp
from nncomp.integrations import register_fsspec

CSV = "name,count\n" + "".join(f"word{i % 7},{i}\n" for i in range(500))
TEXT = models.chained(5000)


@pytest.fixture(autouse=True)
def _models(model_directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    commandline.use_models(monkeypatch, model_directory)
    yield


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "x.csv.nnc"
    path.write_bytes(nncomp.compress(CSV.encode()))
    return path


# ---- pandas ----


@pytest.mark.parametrize("mode", ["rb", "rt"])
def test_pandas_reads_an_open_file(csv: Path, mode: str) -> None:
    pandas = pytest.importorskip("pandas")
    with nncomp.open(csv, mode) as file:
        frame = pandas.read_csv(file)
    assert list(frame["count"]) == list(range(500))


@pytest.mark.parametrize("mode", ["wb", "wt"])
def test_pandas_writes_an_open_file(tmp_path: Path, mode: str) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_csv(io.StringIO(CSV))
    with nncomp.open(tmp_path / "y.nnc", mode) as file:
        frame.to_csv(file, index=False)
    content = nncomp.decompress((tmp_path / "y.nnc").read_bytes()).decode()
    assert content.splitlines() == CSV.splitlines()


# ---- fsspec ----


def test_fsspec(csv: Path, tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    register_fsspec()
    register_fsspec()
    with fsspec.open(str(csv), "rt", compression="nncomp") as file:
        assert file.read() == CSV
    with fsspec.open(str(csv), "rb", compression="infer") as file:
        file.seek(-5, io.SEEK_END)
        assert file.read() == CSV[-5:].encode()
    with fsspec.open(str(tmp_path / "y.csv.nnc"), "wt", compression="infer") as file:
        file.write(CSV)
    assert nncomp.decompress((tmp_path / "y.csv.nnc").read_bytes()) == CSV.encode()


def test_fsspec_in_memory() -> None:
    fsspec = pytest.importorskip("fsspec")
    register_fsspec()
    with fsspec.open("memory://x.nnc", "wb", compression="nncomp") as file:
        file.write(TEXT)
    with fsspec.open("memory://x.nnc", "rb", compression="nncomp") as file:
        assert file.read() == TEXT


# ---- numcodecs ----


def test_numcodecs_round_trips() -> None:
    numcodecs = pytest.importorskip("numcodecs")
    codec = numcodecs.get_codec({"id": "nncomp", "level": 1})
    assert codec.get_config() == {"id": "nncomp", "level": 1, "model": None}
    assert numcodecs.get_codec(codec.get_config()) == codec
    plane = np.arange(600, dtype="<i4").reshape(20, 30)
    for data in (TEXT, bytearray(TEXT), plane, np.asfortranarray(plane), np.zeros(0)):
        encoded = codec.encode(data)
        assert isinstance(encoded, bytes)
        content = data.tobytes("A") if isinstance(data, np.ndarray) else bytes(data)
        assert encoded == nncomp.compress(content, 1)
        assert codec.decode(encoded) == content
    out = np.empty_like(plane)
    encoded = codec.encode(plane)
    codec.decode(np.frombuffer(encoded, np.uint8), out)
    assert np.array_equal(out, plane)
    with pytest.raises(ValueError):
        codec.decode(encoded, np.empty(10, np.uint8))
    with pytest.raises(ValueError, match="level 99"):
        numcodecs.get_codec({"id": "nncomp", "level": 99})


# ---- zarr ----


def test_zarr_3(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr", minversion="3")
    from nncomp.integrations.zarr import NNCompCodec

    data = np.arange(4000, dtype="i4").reshape(40, 100) % 97
    array = zarr.create_array(
        store=tmp_path, shape=data.shape, chunks=(16, 50), dtype="i4", compressors=NNCompCodec(1)
    )
    array[:] = data
    array[3, 7:9] = data[3, 7:9]
    again = zarr.open_array(store=tmp_path, mode="r")
    assert again.compressors == (NNCompCodec(level=1),)
    assert np.array_equal(again[:], data)
    chunks = [p for p in tmp_path.rglob("*") if p.is_file() and p.name != "zarr.json"]
    assert len(chunks) == 6
    assert all(nncomp.get_frame_info(p.read_bytes()).content_size == 3200 for p in chunks)


def test_zarr_3_configuration() -> None:
    pytest.importorskip("zarr", minversion="3")
    from nncomp.integrations.zarr import NNCompCodec

    for codec in (NNCompCodec(), NNCompCodec(level=2), NNCompCodec(model="nano-1")):
        assert NNCompCodec.from_dict(codec.to_dict()) == codec
    assert NNCompCodec.from_dict({"name": "nncomp"}) == NNCompCodec()
    with pytest.raises(ValueError, match="level 0"):
        NNCompCodec(level=0)


def test_zarr_2_through_numcodecs(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr", minversion="3")
    from nncomp.integrations.numcodecs import NNComp

    data = np.arange(300)
    array = zarr.create_array(
        store=tmp_path, shape=300, chunks=100, dtype="i8", zarr_format=2, compressors=NNComp()
    )
    array[:] = data
    assert np.array_equal(zarr.open_array(store=tmp_path, mode="r")[:], data)


@pytest.mark.parametrize("group", ["numcodecs", "zarr"])
def test_entry_points_lead_to_codecs(group: str) -> None:
    pytest.importorskip(group, minversion="3" if group == "zarr" else None)
    (found,) = entry_points(group=f"{group}.codecs", name="nncomp")
    assert found.load().__module__ == f"nncomp.integrations.{group}"


# ---- tarfile ----


def test_tar_as_a_stream(tmp_path: Path) -> None:
    path = tmp_path / "x.tar.nnc"
    with nncomp.open(path, "wb") as target, tarfile.open(fileobj=target, mode="w|") as tar:
        for name, content in (("a", TEXT), ("b", CSV.encode())):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    for mode in ("r|", "r:"):
        with nncomp.open(path) as source, tarfile.open(fileobj=source, mode=mode) as tar:
            contents = {}
            for member in tar:
                file = tar.extractfile(member)
                assert file is not None
                contents[member.name] = file.read()
        assert contents == {"a": TEXT, "b": CSV.encode()}
