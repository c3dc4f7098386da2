"""docs/nncomp.magic: what file(1) says about .nnc files."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import models
from nncomp import container
from nncomp.api import compress

ROOT = Path(__file__).parent.parent
MAGIC = ROOT / "docs/nncomp.magic"
SIZES = {f"{1 << i} KiB": 1 << i + 10 for i in range(10)} | {
    f"{1 << i} MiB": 1 << i + 20 for i in range(7)
}


def test_every_block_size_is_named() -> None:
    """As nncomp writes the first nine bytes"""
    assert "docs/nncomp.magic" in ROOT.joinpath("CMakeLists.txt").read_text()
    page = MAGIC.read_text("ascii")
    assert rf"0	string	{container.MAGIC.decode('latin-1')!a}".replace("'", "") in page
    rows = re.findall(r"^>8\tubyte&0x1f\t(\d+)\t.*blocks up to (.*)$", page, re.MULTILINE)
    heads = {name: compress(b"", block_size=size)[:9] for name, size in SIZES.items()}
    assert rows == [(str(head[8] & 0x1F), name) for name, head in heads.items()]


@pytest.mark.skipif(shutil.which("file") is None, reason="no file(1)")
def test_file_knows_what_it_is(tmp_path: Path) -> None:
    def said(path: Path, *options: str) -> str:
        command = ["file", "-b", "-m", str(MAGIC), *options, str(path)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    path = tmp_path / "a.nnc"
    for name, size in SIZES.items():
        path.write_bytes(compress(b"", block_size=size))
        version = f"version {container.VERSION}"
        assert said(path) == f"nncomp compressed data, {version}, blocks up to {name}\n"
    assert said(path, "--mime-type") == "application/x-nncomp\n"
    small = f"nncomp compressed data, small, {version}"
    for prime, primed in ((None, ""), (b"prime", ", primed")):
        path.write_bytes(compress(models.noise(100), prime=prime))
        assert said(path) == f"{small}{primed}\n"
    assert said(path, "--mime-type") == "application/x-nncomp\n"
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    assert "nncomp" not in said(path)
