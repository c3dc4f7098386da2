"""nncomp inside other libraries; those that are not installed are passed over."""

from __future__ import annotations

import array
import asyncio
import contextlib
import io
import json
import pickle
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import commandline
import models
import nncomp
from nncomp.integrations import register_fsspec

CSV = "name,count\n" + "".join(f"word{i % 7},{i}\n" for i in range(500))
TEXT = models.chained(5000)
WRONG_LEVELS = [
    *((level, TypeError) for level in ("5", 4.0, np.float64(4), True, np.True_, [5], b"5")),
    *((level, ValueError) for level in (0, 10, -1, np.int64(10), 1 << 70)),
]


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


def test_fsspec_writes_with_options(tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    for options, like in (
        ({"level": 1}, nncomp.compress(TEXT, 1)),
        ({"level": np.int64(1), "model": "none"}, nncomp.compress(TEXT, 1, model="none")),
        ({}, nncomp.compress(TEXT)),
    ):
        assert register_fsspec(**options) == "nncomp"
        path = tmp_path / "x.nnc"
        with fsspec.open(str(path), "wb", compression="infer") as file:
            file.write(TEXT)
        assert path.read_bytes() == like
        with fsspec.open(str(path), "rb", compression="nncomp") as file:
            assert file.read() == TEXT


def test_fsspec_refuses_wrong_options_when_they_are_given() -> None:
    pytest.importorskip("fsspec")
    for level, error in WRONG_LEVELS:
        with pytest.raises(error):
            register_fsspec(level=level)
    with pytest.raises(TypeError):
        register_fsspec(model=3)  # type: ignore[arg-type]
    with pytest.raises(nncomp.ModelNotFoundError, match="smal-1"):
        register_fsspec(model="smal-1")


READ_ELSEWHERE = """
import pickle, sys
with pickle.load(sys.stdin.buffer) as file:
    sys.stdout.write(file.read())
import fsspec
with fsspec.open(sys.argv[1], "wb", compression="nncomp") as file:
    file.write(sys.argv[2].encode())
"""


@pytest.mark.slow
def test_fsspec_registration_travels_with_what_was_opened(csv: Path, tmp_path: Path) -> None:
    """Other processes, as of multiprocessing, joblib or Dask, need no call of their own."""
    fsspec = pytest.importorskip("fsspec")
    name = register_fsspec(level=1, model="none")
    for compression in ("infer", name):
        opened = pickle.dumps(fsspec.open(str(csv), "rt", compression=compression))
        copy = tmp_path / "copy.nnc"
        arguments = [sys.executable, "-c", READ_ELSEWHERE, str(copy), CSV]
        result = subprocess.run(arguments, input=opened, capture_output=True, check=True)
        assert result.stdout.decode() == CSV
        assert copy.read_bytes() == nncomp.compress(CSV.encode(), 1, model="none")


def test_fsspec_in_memory() -> None:
    fsspec = pytest.importorskip("fsspec")
    register_fsspec()
    with fsspec.open("memory://x.nnc", "wb", compression="nncomp") as file:
        file.write(TEXT)
    with fsspec.open("memory://x.nnc", "rb", compression="nncomp") as file:
        assert file.read() == TEXT


# ---- Dask ----


@pytest.mark.slow
@pytest.mark.parametrize("scheduler", ["plugin", "preload", "cluster", "processes", "initializer"])
def test_dask_reads_in_other_processes(tmp_path: Path, scheduler: str) -> None:
    """By the suffix without further ado; by the name once the workers know it."""
    bag = pytest.importorskip("dask.bag")
    distributed = pytest.importorskip("distributed")
    import dask

    register_fsspec()
    for i in range(3):
        with nncomp.open(tmp_path / f"{i}.csv.nnc", "wt") as file:
            file.write(CSV)
    compression = "infer" if scheduler in ("cluster", "processes") else "nncomp"
    lines = bag.read_text(str(tmp_path / "*.csv.nnc"), compression=compression)
    if scheduler in ("processes", "initializer"):
        initializer = register_fsspec if scheduler == "initializer" else None
        with dask.config.set({"multiprocessing.initializer": initializer}):
            assert lines.compute(scheduler="processes", num_workers=2) == 3 * CSV.splitlines(True)
        return
    preload = ["nncomp.integrations.dask"] if scheduler == "preload" else []
    with (
        dask.config.set({"distributed.worker.preload": preload}),
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        if scheduler == "plugin":
            client.register_plugin(nncomp.integrations.dask.NNCompPlugin(level=1, model="none"))
            cluster.scale(2)  # one that comes later
        assert lines.compute() == 3 * CSV.splitlines(True)
        if scheduler == "plugin":
            target = str(tmp_path / "*.out.nnc")
            bag.from_sequence([CSV, CSV], npartitions=2).to_textfiles(target, compression="nncomp")
            for path in tmp_path.glob("*.out.nnc"):
                assert path.read_bytes() == nncomp.compress(CSV.encode(), 1, model="none")


# ---- numcodecs and zarr ----


def codecs() -> list[tuple[Any, Callable[[Any], dict[str, Any]], Callable[[Any], Any]]]:
    """For each codec: its class, what is stored of one, and how that becomes one again."""
    found: list[Any] = []
    with contextlib.suppress(ImportError):
        found.append((nncomp.integrations.numcodecs.NNComp, numcodecs_config, numcodecs_codec))
    with contextlib.suppress(ImportError):
        NNCompCodec = nncomp.integrations.zarr.NNCompCodec
        found.append((NNCompCodec, NNCompCodec.to_dict, NNCompCodec.from_dict))
    return found


def numcodecs_config(codec: Any) -> dict[str, Any]:
    return dict(codec.get_config())


def numcodecs_codec(config: dict[str, Any]) -> Any:
    import numcodecs

    return numcodecs.get_codec(dict(config))


def test_codecs_keep_a_level_that_is_json() -> None:
    for codec, stored, again in codecs():
        for level in (3, np.int64(3), np.uint8(3)):
            made = codec(level=level)
            assert type(made.level) is int and made == codec(level=3)
            assert again(json.loads(json.dumps(stored(made)))) == made
            assert pickle.loads(pickle.dumps(made)) == made
        assert codec() == codec(level=5) == codec(level=None)


def test_codecs_refuse_wrong_options_when_they_are_made() -> None:
    for codec, stored, again in codecs():
        for level, error in WRONG_LEVELS:
            with pytest.raises(error):
                codec(level=level)
        for model in (3, Path("base-2"), b"base-2"):
            with pytest.raises(TypeError):
                codec(model=model)
        with pytest.raises(nncomp.ModelNotFoundError, match="smal-1"):
            codec(model="smal-1")
        config = stored(codec(level=5, model="none"))
        text = json.dumps(config)
        for wrong, error in (('"5"', TypeError), ("true", TypeError), ("55", ValueError)):
            with pytest.raises(error):
                again(json.loads(text.replace("5", wrong)))
        with pytest.raises(TypeError):
            again(json.loads(text.replace("level", "levle")))


def test_chunks_are_decoded_without_the_model_that_their_codec_names() -> None:
    """They may have none, or one of another name."""
    for codec, stored, again in codecs():
        config = json.dumps(stored(codec(model="nano-1"))).replace("nano-1", "elsewhere")
        opened = again(json.loads(config))
        assert opened.model == "elsewhere"
        assert pickle.loads(pickle.dumps(opened)) == opened


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
    elsewhere = numcodecs.get_codec({"id": "nncomp", "model": "elsewhere"})
    assert elsewhere.decode(encoded) == plane.tobytes()
    with pytest.raises(nncomp.ModelNotFoundError, match="elsewhere"):
        elsewhere.encode(TEXT)


def test_numcodecs_decodes_into_any_contiguous_buffer() -> None:
    pytest.importorskip("numcodecs")
    codec = nncomp.integrations.numcodecs.NNComp(level=1, model="none")
    plane = np.arange(600, dtype="<i4").reshape(20, 30)
    encoded = codec.encode(plane)
    for out in (
        np.empty_like(plane),
        np.empty((30, 20), "<i4", order="F"),
        np.empty(2400, np.uint8),
        np.empty(300, "M8[s]"),
        bytearray(2400),
        array.array("q", bytes(2400)),
        memoryview(bytearray(2400)),
    ):
        codec.decode(encoded, out)
        assert bytes_of(out) == plane.tobytes()


def bytes_of(buffer: Any) -> bytes:
    """In the order in which they are in memory."""
    return np.asarray(buffer).tobytes("A")


def test_numcodecs_refuses_a_buffer_that_does_not_fit() -> None:
    pytest.importorskip("numcodecs")
    codec = nncomp.integrations.numcodecs.NNComp(level=1, model="none")
    encoded = codec.encode(np.arange(10))
    read_only = np.zeros(10, "i8")
    read_only.flags.writeable = False
    for out, error in (
        (np.zeros(10, object), TypeError),
        (np.zeros(10, np.uint8), ValueError),
        (np.zeros(79, np.uint8), ValueError),
        (np.zeros(81, np.uint8), ValueError),
        (np.zeros(11, "i8"), ValueError),
        (np.zeros(20, "i8")[::2], ValueError),
        (np.zeros((2, 0), "i8"), ValueError),
        (read_only, ValueError),
        (bytes(80), ValueError),
        ([0] * 10, TypeError),
    ):
        with pytest.raises(error):
            codec.decode(encoded, out)
        assert not np.any(out), out
    for wrong in (np.array(["a", "b"], object), "text", None, 3, [1, 2]):
        with pytest.raises(TypeError):
            codec.encode(wrong)
        with pytest.raises(TypeError):
            codec.decode(wrong)


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
    metadata = tmp_path / "zarr.json"
    metadata.write_text(metadata.read_text().replace('"level": 1', '"model": "elsewhere"'))
    again = zarr.open_array(store=tmp_path)
    assert again.compressors[0].to_dict()["configuration"] == {"level": 5, "model": "elsewhere"}
    assert np.array_equal(again[:], data)
    with pytest.raises(nncomp.ModelNotFoundError, match="elsewhere"):
        again[:] = data + 1
    assert np.array_equal(again[:], data)
    chunks = [p for p in tmp_path.rglob("*") if p.is_file() and p != metadata]
    assert len(chunks) == 6
    assert all(nncomp.get_frame_info(p.read_bytes()).content_size == 3200 for p in chunks)


def test_zarr_3_without_an_event_loop() -> None:
    """``_encode_sync`` and ``_decode_sync``, as zarr's own codecs have them from 3.1 on."""
    pytest.importorskip("zarr", minversion="3")
    from zarr.abc import codec as interface
    from zarr.core.buffer import default_buffer_prototype

    codec = nncomp.integrations.zarr.NNCompCodec(1, "none")
    if hasattr(interface, "SupportsSyncCodec"):
        assert isinstance(codec, interface.SupportsSyncCodec)
    prototype = default_buffer_prototype()
    spec = SimpleNamespace(prototype=prototype)
    chunk = prototype.buffer.from_bytes(TEXT)
    encoded = codec._encode_sync(chunk, spec)
    assert encoded.to_bytes() == nncomp.compress(TEXT, 1, model="none")
    assert codec._decode_sync(encoded, spec).to_bytes() == TEXT
    assert asyncio.run(codec._encode_single(chunk, spec)).to_bytes() == encoded.to_bytes()
    assert asyncio.run(codec._decode_single(encoded, spec)).to_bytes() == TEXT


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
