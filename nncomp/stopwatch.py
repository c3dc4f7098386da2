"""Runs one command and writes what it took: ``stopwatch.py REPORT PROGRAM [ARGUMENT]...``

It is a script for a bare interpreter (``python -I -S``), because the peak memory of a forked
process starts at what its parent had in memory: about 5 MB here, but much more in a large program.

REPORT receives exit status, wall seconds and peak resident bytes of the command.
"""

from __future__ import annotations

import os
import sys
import time


def main() -> None:
    """Run the command in ``sys.argv``; this fails only where REPORT cannot be written."""
    report, *command = sys.argv[1:]
    start = time.perf_counter()
    child = os.fork()
    if child == 0:
        try:
            os.execv(command[0], command)
        except OSError as error:
            os.write(2, f"{error.strerror}\n".encode())
        finally:
            os._exit(127)
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - start
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes
    with open(report, "w") as file:
        print(os.waitstatus_to_exitcode(status), seconds, usage.ru_maxrss * unit, file=file)


if __name__ == "__main__":
    main()
