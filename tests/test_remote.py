"""Files elsewhere: over HTTP, and what fsspec opens. Little more is fetched than is read."""

from __future__ import annotations

import http.server
import io
import re
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import models
from nncomp import NNCompFile, compress, container

CONTENT = models.noise(400_000) + models.text(200_000)
BLOCK = 1 << 13
FILE = compress(CONTENT, model="none", block_size=BLOCK, reach=0)


class Handler(http.server.BaseHTTPRequestHandler):
    """Gives a range of FILE, as asked for, and counts."""

    sizes: list[int]  # of answers

    def do_GET(self) -> None:
        match = re.fullmatch(r"bytes=([0-9]+)-([0-9]+)", self.headers["Range"])
        assert match
        part = FILE[int(match[1]) : int(match[2]) + 1]
        self.sizes.append(len(part))
        self.send_response(206)
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)

    def log_message(self, *args: object) -> None:
        """Nothing."""


class Remote(io.RawIOBase):
    """A file of which each reading is a request."""

    def __init__(self, url: str, size: int) -> None:
        self._url, self._size, self._position = url, size, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + [0, self._position, self._size][whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        stop = min(self._position + len(buffer), self._size)
        if stop <= self._position:
            return 0
        headers = {"Range": f"bytes={self._position}-{stop - 1}"}
        request = urllib.request.Request(self._url, headers=headers)
        with urllib.request.urlopen(request) as answer:
            part = answer.read()
        buffer[: len(part)] = part
        self._position += len(part)
        return len(part)


@pytest.fixture
def remote() -> Iterator[tuple[Remote, list[int]]]:
    """The file on a server, and the sizes of what was fetched."""
    sizes: list[int] = []
    handler = type("_Handler", (Handler,), {"sizes": sizes})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Remote(f"http://127.0.0.1:{server.server_port}/", len(FILE)), sizes
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("offset", [3 * BLOCK + 5, 50 * BLOCK - 10, len(CONTENT) - 1000])
def test_a_kilobyte_over_http(remote: tuple[Remote, list[int]], offset: int) -> None:
    file, sizes = remote
    with NNCompFile(file, threads=1) as content:
        content.seek(offset)
        assert content.read(1000) == CONTENT[offset : offset + 1000]
    blocks = len(container.read_index(io.BytesIO(FILE), 1 << 30)[0].entries)
    index = 6 * blocks  # bytes at most
    assert sum(sizes) <= 3 * BLOCK + index
    assert len(sizes) <= 12


def test_all_over_http(remote: tuple[Remote, list[int]]) -> None:
    """Once, from the front."""
    file, sizes = remote
    with NNCompFile(io.BufferedReader(file, 1 << 16), threads=2) as content:
        assert content.read() == CONTENT
    assert sum(sizes) == len(FILE)


@pytest.mark.parametrize("protocol", ["memory", "local"])
def test_fsspec(protocol: str, tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    system = fsspec.filesystem(protocol)
    path = f"{tmp_path}/a.nnc"
    system.pipe_file(path, FILE)
    with system.open(path, "rb") as file, NNCompFile(file) as content:
        assert content.seek(-10, io.SEEK_END) == len(CONTENT) - 10
        assert content.read() == CONTENT[-10:]
        content.seek(123_456)
        assert content.read(789) == CONTENT[123_456 : 123_456 + 789]
        content.seek(0)
        assert content.read() == CONTENT
