"""As in a locked-down container: no threads, a root that cannot be written, no HOME, no stdin."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import models
from nncomp.api import decompress

TEXT = models.chained(20_000)

# A file system of its own: everything is read-only but a folder in memory. Then another user, who
# may read what root may and start no process; nothing is inherited from the environment, and
# stdin is closed.
SCRIPT = """
set -e
mount --make-rprivate /
mount -o bind / /
mount -o remount,ro,bind /
mount -t tmpfs tmpfs "$ROOM"
cd "$ROOM"
chmod 777 .
if touch /root/probe 2>/dev/null; then echo "the root can be written"; exit 1; fi
cp /dev/stdin in
chown 65534 in
caps=+dac_override,+dac_read_search
locked="setpriv --reuid=65534 --clear-groups --inh-caps=$caps --ambient-caps=$caps
        prlimit --nproc=0:0 env -i LC_ALL=C PATH=/usr/bin:/bin"
for threads in -T1 -T2; do
    $locked "$PYTHON" -B -m nncomp $threads -f in <&-
    $locked "$PYTHON" -B -m nncomp $threads -df -o back in.nnc <&-
    cmp in back
done
cat in.nnc
"""


@pytest.fixture(scope="module", autouse=True)
def _possible() -> None:
    tools = ("unshare", "setpriv", "prlimit")
    if os.geteuid() or not all(map(shutil.which, tools)):
        pytest.skip("needs root and util-linux")
    if subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode:
        pytest.skip("no file systems of one's own here")


@pytest.mark.slow
def test_locked_down(tmp_path: Path) -> None:
    result = subprocess.run(
        ["unshare", "-m", "sh", "-c", SCRIPT],
        input=TEXT,
        env={"PATH": os.environ["PATH"], "PYTHON": sys.executable, "ROOM": str(tmp_path)},
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 0, result
    assert decompress(result.stdout) == TEXT
    assert b"Traceback" not in result.stderr
