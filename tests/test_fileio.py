"""Names, atomic output, attributes: whatever happens, no half-written file under a final name."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import sys
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


def test_the_mask_of_the_process_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is that of all threads, which may make files of their own meanwhile."""
    monkeypatch.setattr(os, "umask", None)
    with fileio.create(str(tmp_path / "target"), force=False) as file:
        file.write(b"new")


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


def refuse(monkeypatch: pytest.MonkeyPatch, name: str, code: int = errno.EPERM) -> None:
    """Let ``os.name`` fail, whatever it is asked to do."""

    def refused(*args: object, **more: object) -> object:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, name, refused)


def test_file_systems_without_hard_links(
    tmp_path: Path, source: BinaryIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, "link")
    write(tmp_path / "target", source)
    assert names(tmp_path) == ["source", "target"]
    with (
        pytest.raises(FileExistsError, match="use -f"),
        fileio.create(str(tmp_path / "other"), force=False, source=source),
    ):
        (tmp_path / "other").write_bytes(b"x")
    assert names(tmp_path) == ["other", "source", "target"]


@pytest.mark.parametrize("code", [errno.EPERM, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP])
@pytest.mark.parametrize(
    "refused",
    [["fchmod"], ["utime"], ["fsync"], ["fchown"], ["fchmod", "utime", "fsync", "fchown", "link"]],
)
@pytest.mark.parametrize("force", [False, True])
def test_file_systems_that_refuse(
    tmp_path: Path,
    source: BinaryIO,
    monkeypatch: pytest.MonkeyPatch,
    refused: list[str],
    code: int,
    force: bool,
) -> None:
    """What cannot be set or synced keeps nobody from having the file."""
    for name in refused:
        refuse(monkeypatch, name, code)
    write(tmp_path / "target", source, force=force)
    assert (tmp_path / "target").read_bytes() == b"new"
    assert names(tmp_path) == ["source", "target"]


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("directory", [False, True])
def test_what_is_not_on_disk_is_an_error(
    tmp_path: Path,
    source: BinaryIO,
    monkeypatch: pytest.MonkeyPatch,
    directory: bool,
    code: int,
) -> None:
    """fsync, of the file and of its directory"""
    original = os.fsync

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode) == directory:
            raise OSError(code, os.strerror(code))
        original(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError) as caught:
        write(tmp_path / "target", source)
    assert (caught.value.errno, caught.value.filename) == (code, str(tmp_path / "target"))
    assert names(tmp_path) == ["source", *(["target"] if directory else [])]


def test_new_directories_are_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is synced into its parent, or is not there, so that the next file tries again."""
    synced = []
    fail = False

    def fsync(descriptor: int) -> None:
        synced.append(os.path.relpath(f"/proc/self/fd/{descriptor}", "/"))
        synced[-1] = os.path.relpath(os.readlink("/" + synced[-1]), tmp_path)
        if fail and synced[-1] == "a":
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fsync)
    fileio.make_directory(f"{tmp_path}/a/b")
    assert synced == [".", "a"]
    fileio.make_directory(f"{tmp_path}/a/b")
    assert synced == [".", "a"]
    fail = True
    for _ in range(2):
        with pytest.raises(OSError, match="Input/output") as caught:
            fileio.make_directory(f"{tmp_path}/a/c/d")
        assert caught.value.filename == f"{tmp_path}/a/c"
    assert synced == [".", "a", "a", "a"] and names(tmp_path / "a") == ["b"]


def test_directories_that_another_program_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the same time, and only the upper ones."""
    mkdir = os.mkdir
    made: list[str] = []

    def faster(path: str) -> None:
        if path.endswith(("/a", "/b")):
            mkdir(path)
        made.append(path)
        mkdir(path)

    monkeypatch.setattr(os, "mkdir", faster)
    fileio.make_directory(f"{tmp_path}/a/b/c")
    assert len(made) == 3 and (tmp_path / "a/b/c").is_dir()


def test_directory_that_is_no_directory(tmp_path: Path, source: BinaryIO) -> None:
    for name in ("source", "source/sub"):
        with pytest.raises(NotADirectoryError):
            fileio.make_directory(str(tmp_path / name))


def test_directory_that_may_not_be_read(
    tmp_path: Path, source: BinaryIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then all is synced, for it cannot be synced alone."""
    original, synced = os.open, []

    def open_(path: str, flags: int, *args: int, **more: int) -> int:
        if flags & os.O_DIRECTORY:
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return original(path, flags, *args, **more)

    monkeypatch.setattr(os, "open", open_)
    monkeypatch.setattr(os, "sync", lambda: synced.append(True))
    write(tmp_path / "target", source)
    assert names(tmp_path) == ["source", "target"] and synced == [True]


def test_source_is_not_overwritten(tmp_path: Path, source: BinaryIO) -> None:
    alias = tmp_path / "alias"
    alias.symlink_to("source")
    for path in (tmp_path / "source", alias):
        with pytest.raises(NNCompError, match="same file"):
            write(path, source, force=True)
    assert (tmp_path / "source").read_bytes() == b"source"


def test_symbolic_links_as_targets(tmp_path: Path, source: BinaryIO) -> None:
    """A link is replaced, as everything else is: who made it does not say where we write."""
    (tmp_path / "real").write_bytes(b"old")
    for name, place in (("link", "real"), ("dangling", "nowhere"), ("loop", "loop"),
                        ("null", "/dev/null"), ("up", "..")):  # fmt: skip
        path = tmp_path / name
        path.symlink_to(place)
        with pytest.raises(FileExistsError, match="use -f"):
            write(path, source)
        assert path.is_symlink()
        write(path, source, force=True)
        assert not path.is_symlink() and path.read_bytes() == b"new"
    assert (tmp_path / "real").read_bytes() == b"old"
    assert not (tmp_path / "nowhere").exists()


def test_pipes_as_targets(tmp_path: Path, source: BinaryIO) -> None:
    """Somebody's FIFO or device is written to only if that is asked for."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    with pytest.raises(FileExistsError, match="not a regular file; use -f"):
        write(path, source)
    with open(os.open(path, os.O_RDWR), "rb") as fifo:
        write(path, source, force=True)
        assert fifo.read(3) == b"new"
    with pytest.raises(FileExistsError, match="not a regular file; use -f"):
        write(Path("/dev/full"), source)
    with pytest.raises(OSError, match="No space left") as caught:
        write(Path("/dev/full"), source, force=True)
    assert caught.value.filename == "/dev/full"


def test_null_device_and_descriptors(tmp_path: Path, source: BinaryIO) -> None:
    """They are written directly, whatever they lead to, and stay open."""
    write(Path("/dev/null"), source)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    with open(tmp_path / "file", "w+b") as file:
        file.write(b"before ")
        file.flush()
        for place in (f"/dev/fd/{file.fileno()}", f"/proc/self/fd/{file.fileno()}"):
            write(Path(place), source)
        (tmp_path / "link").symlink_to(f"/dev/fd/{file.fileno()}")
        write(tmp_path / "link", source)
        file.seek(0)
        assert file.read() == b"before newnewnew"
    assert fileio.is_descriptor("/dev/stdout") and not fileio.is_descriptor("/dev/null")
    with pytest.raises(OSError, match="Bad file descriptor"):
        write(Path("/dev/fd/987"), source)


def test_errors_name_the_target(tmp_path: Path, source: BinaryIO) -> None:
    for target, error in (
        (tmp_path / "no" / "t", FileNotFoundError),
        (tmp_path, IsADirectoryError),
    ):
        with pytest.raises(error) as caught:
            write(target, source)
        assert caught.value.filename == str(target)


@pytest.mark.parametrize("name", ["n", "ä", "名", "𝄞", "xä", "xx名", "\udcff", "\udc80"])
@pytest.mark.parametrize("limit", [40, 143, 255])
def test_longest_names(
    tmp_path: Path, source: BinaryIO, monkeypatch: pytest.MonkeyPatch, name: str, limit: int
) -> None:
    """A temporary name is no longer than the final one, and cut between characters."""
    target = name * (limit // len(os.fsencode(name)))
    seen, original = [], os.open

    def open_(path: str, flags: int, *args: int, **more: int) -> int:
        seen.append(path)
        return original(path, flags, *args, **more)

    monkeypatch.setattr(os, "open", open_)
    write(tmp_path / target, source)
    temporary = seen[-1]
    assert temporary.endswith(".tmp")
    assert len(os.fsencode(temporary)) <= len(os.fsencode(target)) <= limit
    assert target.startswith(temporary[1:-13])
    assert sorted(names(tmp_path)) == sorted(["source", target])


def test_longest_paths(tmp_path: Path, source: BinaryIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """Just under PATH_MAX there is room for the target, and for no longer name."""
    monkeypatch.chdir(tmp_path)
    directory = "/".join(["d" * 250] * 16)
    directory += "/" + "d" * (4095 - len(directory) - 3)
    for part in directory.split("/"):
        os.mkdir(part)
        os.chdir(part)
    os.chdir(tmp_path)
    path = f"{directory}/t"
    assert len(path) == 4095
    write(Path(path), source)
    write(Path(path), source, force=True)
    assert os.listdir(directory) == ["t"]


@pytest.mark.parametrize("fails", [False, True])
def test_directory_that_is_renamed(tmp_path: Path, source: BinaryIO, fails: bool) -> None:
    """Whatever it is called in the end, nothing unfinished stays in it."""
    (tmp_path / "d").mkdir()
    try:
        with fileio.create(str(tmp_path / "d/t"), force=False, source=source) as file:
            file.write(b"new")
            (tmp_path / "d").rename(tmp_path / "e")
            if fails:
                raise ValueError
    except ValueError:
        pass
    assert names(tmp_path / "e") == ([] if fails else ["t"])


def test_directory_that_is_removed(tmp_path: Path, source: BinaryIO) -> None:
    """The error names the target, not what it was called before."""
    (tmp_path / "d").mkdir()
    with (
        pytest.raises(FileNotFoundError) as caught,
        fileio.create(str(tmp_path / "d/t"), force=False, source=source),
    ):
        (temporary,) = (tmp_path / "d").iterdir()
        temporary.unlink()
        (tmp_path / "d").rmdir()
    assert caught.value.filename == str(tmp_path / "d/t")
    assert caught.value.filename2 is None


def test_names_that_are_no_text(tmp_path: Path, source: BinaryIO) -> None:
    target = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe")
    with fileio.create(target, force=False, source=source) as file:
        file.write(b"new")
    assert b"\xff\xfe" in os.listdir(os.fsencode(tmp_path))


def test_replacing_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For those who write by name: old or new, on a file system that refuses syncs, too"""
    refuse(monkeypatch, "fsync")
    target = tmp_path / ("n" * 255)
    for content in (b"old", b"new"):
        with fileio.replacing(str(target)) as temporary:
            Path(temporary).write_bytes(content)
        assert target.read_bytes() == content
    with pytest.raises(ValueError), fileio.replacing(str(target)) as temporary:
        Path(temporary).write_bytes(b"half")
        raise ValueError
    with pytest.raises(FileNotFoundError) as caught, fileio.replacing(str(target)):
        pass  # nothing is written
    assert caught.value.filename == str(target)
    assert names(tmp_path) == ["n" * 255] and target.read_bytes() == b"new"


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


def test_macos_writes_to_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its fsync does not; where F_FULLFSYNC fails, fsync is what there is."""
    done: list[str] = []
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", lambda *_: done.append("full"))
    monkeypatch.setattr(os, "fsync", lambda _: done.append("plain"))
    with fileio.create(str(tmp_path / "a"), force=False) as file:
        file.write(b"new")
    assert done == ["full", "full"]  # the file, and its name

    def fail(*_: object) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(fcntl, "fcntl", fail)
    with fileio.create(str(tmp_path / "b"), force=False) as file:
        file.write(b"new")
    assert done[2:] == ["plain", "plain"]


def test_no_null_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a bare chroot."""
    monkeypatch.setattr(os, "devnull", str(tmp_path / "nothing"))
    with fileio.create(str(tmp_path / "a"), force=False) as file:
        file.write(b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileExistsError, match="not a regular file"):
        with fileio.create(str(tmp_path / "pipe"), force=False):
            pass


@pytest.mark.parametrize("name", ["a" * 255, "\N{CJK UNIFIED IDEOGRAPH-5B57}" * 80, "a"])
def test_a_passing_name_is_no_longer(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In bytes and in characters: file systems limit one or the other."""
    with fileio.create(str(tmp_path / name), force=False) as file:
        (passing,) = os.listdir(tmp_path)
        assert len(passing) <= max(len(name), 32)
        assert len(os.fsencode(passing)) <= max(len(os.fsencode(name)), 32)
        file.write(b"new")
    assert os.listdir(tmp_path) == [name]


def test_descriptors_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    """/dev/stdout leads nowhere then: it is no link to replace."""

    def samefile(first: str, second: str) -> bool:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", second)

    monkeypatch.setattr(os.path, "samefile", samefile)
    for place in ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"):
        assert fileio.is_descriptor(place)
    assert not fileio.is_descriptor("/dev/null")
