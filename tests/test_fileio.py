"""Names, atomic output, attributes: whatever happens, no half-written file under a final name."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

import pytest

from nncomp import fileio
from nncomp.errors import NNCompError


@pytest.fixture
def source(tmp_path: Path) -> BinaryIO:
    path = tmp_path / "source"
    path.write_bytes(b"source")
    path.chmod(0o640)
    os.utime(path, ns=(1_500_000_000_123_456_789, 1_400_000_000_987_654_321))
    return path.open("rb")


def write(path: Path, source: BinaryIO, *, force: bool = False, data: bytes = b"new") -> None:
    with fileio.create(str(path), force=force, source=source) as file:
        file.write(data)


def names(directory: Path) -> list[str]:
    return sorted(os.listdir(directory))


def test_names() -> None:
    assert fileio.compressed_name("a/b", force=False) == "a/b.nnc"
    assert fileio.compressed_name("b.nnc", force=True) == "b.nnc.nnc"
    assert fileio.content_name("a/b.nnc") == "a/b"
    assert fileio.content_name("b.nnc.nnc") == "b.nnc"
    with pytest.raises(NNCompError, match="-f"):
        fileio.compressed_name("b.nnc", force=False)
    for name in ("b", ".nnc", "a/.nnc", "b.NNC", "b.nnc/", ""):
        with pytest.raises(NNCompError, match="-o"):
            fileio.content_name(name)


def test_output_appears_complete_with_attributes(tmp_path: Path, source: BinaryIO) -> None:
    target = tmp_path / "target"
    with fileio.create(str(target), force=False, source=source) as file:
        file.write(b"new")
        assert not target.exists()
        (temporary,) = (name for name in names(tmp_path) if name != "source")
        assert temporary.startswith(".target.") and temporary.endswith(".tmp")
        assert stat.S_IMODE((tmp_path / temporary).stat().st_mode) == 0o600
    assert names(tmp_path) == ["source", "target"]
    status = target.stat()
    assert target.read_bytes() == b"new"
    assert stat.S_IMODE(status.st_mode) == 0o640
    assert status.st_mtime_ns == 1_400_000_000_987_654_321


def test_special_mode_bits_are_not_copied(tmp_path: Path, source: BinaryIO) -> None:
    os.chmod(source.name, 0o7755)
    write(tmp_path / "target", source)
    assert stat.S_IMODE((tmp_path / "target").stat().st_mode) == 0o755


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_owner_is_copied(tmp_path: Path, source: BinaryIO) -> None:
    os.chown(source.name, 12345, 54321)
    write(tmp_path / "target", source)
    status = (tmp_path / "target").stat()
    assert (status.st_uid, status.st_gid) == (12345, 54321)
    assert stat.S_IMODE(status.st_mode) == 0o640


@pytest.mark.parametrize(("mode", "expected"), [(0o640, 0o600), (0o664, 0o644), (0o755, 0o755)])
def test_another_group_gets_no_rights(
    tmp_path: Path,
    source: BinaryIO,
    monkeypatch: pytest.MonkeyPatch,
    mode: int,
    expected: int,
) -> None:
    def fchown(descriptor: int, user: int, group: int) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "fchown", fchown)
    os.chmod(source.name, mode)
    write(tmp_path / "target", source)
    assert stat.S_IMODE((tmp_path / "target").stat().st_mode) == expected


def test_output_of_a_pipe_has_the_usual_mode(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(writing)
    before = os.umask(0o027)
    try:
        with open(reading, "rb") as pipe:
            write(tmp_path / "target", pipe)
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "target").stat().st_mode) == 0o640


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("force", [False, True])
def test_failure_leaves_nothing(
    tmp_path: Path, source: BinaryIO, error: type[BaseException], force: bool
) -> None:
    with (
        pytest.raises(error),
        fileio.create(str(tmp_path / "target"), force=force, source=source) as file,
    ):
        file.write(b"half")
        raise error
    assert names(tmp_path) == ["source"]


def test_old_target_survives_a_failure(tmp_path: Path, source: BinaryIO) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"old")
    with pytest.raises(ValueError), fileio.create(str(target), force=True, source=source) as file:
        file.write(b"half")
        raise ValueError
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["source", "target"]


def test_existing_target(tmp_path: Path, source: BinaryIO) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"old")
    with pytest.raises(FileExistsError, match="use -f"):
        write(target, source)
    assert target.read_bytes() == b"old"
    write(target, source, force=True)
    assert target.read_bytes() == b"new"
    assert names(tmp_path) == ["source", "target"]


def test_target_that_appears_meanwhile_is_not_overwritten(tmp_path: Path, source: BinaryIO) -> None:
    target = tmp_path / "target"
    with (
        pytest.raises(FileExistsError, match="use -f"),
        fileio.create(str(target), force=False, source=source),
    ):
        target.write_bytes(b"somebody else's")
    assert target.read_bytes() == b"somebody else's"
    assert names(tmp_path) == ["source", "target"]


def test_file_systems_without_hard_links(
    tmp_path: Path, source: BinaryIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(src: str, dst: str) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    write(tmp_path / "target", source)
    assert names(tmp_path) == ["source", "target"]
    with (
        pytest.raises(FileExistsError, match="use -f"),
        fileio.create(str(tmp_path / "other"), force=False, source=source),
    ):
        (tmp_path / "other").write_bytes(b"x")
    assert names(tmp_path) == ["other", "source", "target"]


def test_source_is_not_overwritten(tmp_path: Path, source: BinaryIO) -> None:
    alias = tmp_path / "alias"
    alias.symlink_to("source")
    for path in (tmp_path / "source", alias):
        with pytest.raises(NNCompError, match="same file"):
            write(path, source, force=True)
    assert (tmp_path / "source").read_bytes() == b"source"


def test_symbolic_links_as_targets(tmp_path: Path, source: BinaryIO) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "dangling").symlink_to("nowhere")
    for name in ("link", "dangling"):
        with pytest.raises(FileExistsError):
            write(tmp_path / name, source)
        write(tmp_path / name, source, force=True)
        assert (tmp_path / name).is_symlink()
    assert (tmp_path / "real").read_bytes() == (tmp_path / "nowhere").read_bytes() == b"new"


def test_devices_are_written_directly(source: BinaryIO) -> None:
    write(Path("/dev/null"), source)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_errors_name_the_target(tmp_path: Path, source: BinaryIO) -> None:
    for target, error in (
        (tmp_path / "no" / "t", FileNotFoundError),
        (tmp_path, IsADirectoryError),
    ):
        with pytest.raises(error) as caught:
            write(target, source)
        assert caught.value.filename == str(target)


def test_longest_names(tmp_path: Path, source: BinaryIO) -> None:
    write(tmp_path / ("n" * 255), source)
    write(tmp_path / ("ä" * 127), source)
    assert len(names(tmp_path)) == 3


def test_names_that_are_no_text(tmp_path: Path, source: BinaryIO) -> None:
    target = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe")
    with fileio.create(target, force=False, source=source) as file:
        file.write(b"new")
    assert b"\xff\xfe" in os.listdir(os.fsencode(tmp_path))


def test_removable(tmp_path: Path) -> None:
    plain, link, hard = (tmp_path / name for name in ("plain", "link", "hard"))
    plain.write_bytes(b"x")
    fileio.check_removable(str(plain))
    link.symlink_to(plain)
    with pytest.raises(NNCompError, match="symbolic link"):
        fileio.check_removable(str(link))
    os.link(plain, hard)
    with pytest.raises(NNCompError, match="hard link"):
        fileio.check_removable(str(plain))
    with pytest.raises(IsADirectoryError):
        fileio.check_removable(str(tmp_path))
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(NNCompError, match="regular"):
        fileio.check_removable(str(tmp_path / "fifo"))


def test_only_the_file_that_was_read_is_removed(tmp_path: Path, source: BinaryIO) -> None:
    path = tmp_path / "source"
    path.rename(tmp_path / "moved")
    path.write_bytes(b"another")
    with pytest.raises(NNCompError, match="replaced"):
        fileio.remove(str(path), source)
    assert path.read_bytes() == b"another"
    (tmp_path / "moved").replace(path)
    fileio.remove(str(path), source)
    assert names(tmp_path) == []
