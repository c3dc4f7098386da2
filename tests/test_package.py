"""What wheel and source package contain, built here without compiling anything."""

from __future__ import annotations

import email
import re
import tarfile
import zipfile
from email.message import Message
from pathlib import Path

import pytest

build = pytest.importorskip("scikit_build_core.build")

pytestmark = pytest.mark.slow  # it packs both

ROOT = Path(__file__).parent.parent
LICENSE = ROOT.joinpath("LICENSE").read_text("utf-8")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Files of the wheel, but for the extension."""
    folder = tmp_path_factory.mktemp("wheel")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        settings = {"wheel.cmake": "false", "build-dir": str(folder / "build")}
        name = build.build_wheel(str(folder), settings)
    with zipfile.ZipFile(folder / name) as archive:
        return {member: archive.read(member) for member in archive.namelist()}


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Files of the source package, without its folder's name."""
    folder = tmp_path_factory.mktemp("sdist")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        name = build.build_sdist(str(folder))
    with tarfile.open(folder / name) as archive:
        files = {m.name.split("/", 1)[1]: archive.extractfile(m) for m in archive if m.isfile()}
        return {name: file.read() for name, file in files.items() if file is not None}


def metadata(files: dict[str, bytes], name: str) -> Message:
    (data,) = (data for member, data in files.items() if re.search(name, member))
    return email.message_from_bytes(data)


def test_the_license_is_in_every_package(wheel: dict[str, bytes], sdist: dict[str, bytes]) -> None:
    assert LICENSE.startswith("MIT License\n") and "the nncomp authors" in LICENSE
    (packed,) = (data for name, data in wheel.items() if name.endswith("/licenses/LICENSE"))
    assert packed.decode() == sdist["LICENSE"].decode() == LICENSE
    for about in (metadata(wheel, r"dist-info/METADATA$"), metadata(sdist, r"^PKG-INFO$")):
        assert about["License-Expression"] == "MIT"
        assert about["License-File"] == "LICENSE"


def test_a_wheel_has_the_sources_that_a_gpu_needs_and_no_others(wheel: dict[str, bytes]) -> None:
    place = "nncomp/csrc/"
    needed = {"device/stage.cu"}
    while True:
        found = {
            name.decode()
            for file in needed
            for name in re.findall(rb'^#include "(.*)"', wheel[place + file], re.MULTILINE)
        }
        if found <= needed:
            break
        needed |= found
    assert {name.removeprefix(place) for name in wheel if name.startswith(place)} == needed


def test_a_wheel_has_the_models_and_no_more_of_them(wheel: dict[str, bytes]) -> None:
    place = "nncomp/models/"
    models = {path.name for path in ROOT.joinpath("models").glob("*.safetensors")}
    assert {name.removeprefix(place) for name in wheel if name.startswith(place)} == models
    assert {name.split("/")[0] for name in wheel if ".dist-info/" not in name} == {"nncomp"}
    assert "nncomp/py.typed" in wheel
    scripts = {path.name for path in ROOT.joinpath("nncomp/cli/completions").iterdir()}
    place = "nncomp/cli/completions/"
    assert {name.removeprefix(place) for name in wheel if name.startswith(place)} == scripts


def test_a_source_package_can_be_built_and_tested(sdist: dict[str, bytes]) -> None:
    assert {"CMakeLists.txt", "Makefile", "README.md", "docs/nncomp.1", "tests/conftest.py"} <= {
        *sdist
    }
    assert not any(name.startswith(("models/master", "build", ".venv")) for name in sdist)


def test_the_environment_for_development_builds_as_users_do() -> None:
    """What the build needs is named twice: build isolation is off for an editable install."""
    page = ROOT.joinpath("pyproject.toml").read_text("utf-8")
    (needs,) = re.findall(r"^requires = \[(.*)\]$", page, re.MULTILINE)
    makefile = ROOT.joinpath("Makefile").read_text("utf-8")
    for need in needs.split(", "):
        assert need in makefile
    (least,) = re.findall(r'"scikit-build-core>=([0-9.]+)"', needs)
    assert f'minimum-version = "{least}"' in page
