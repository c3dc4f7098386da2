"""``nncgrep``: runs grep on the content of compressed files.

Each file is decompressed into a grep process of its own, which does all the searching and printing.
Here the command line is only parsed as far as needed to tell options, patterns and file names
apart.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, NoReturn

import click

import nncomp
from nncomp import fileio
from nncomp.cli import inputs, signals, streams
from nncomp.cli.inputs import Input
from nncomp.cli.options import Mode, Options, default_options
from nncomp.cli.parameters import STREAM, PrimeFile, read_prime
from nncomp.cli.report import Report, complain, printable, say

__all__ = ["REFUSED", "USAGE", "main", "run"]

USAGE = """\
Usage: nncgrep [OPTION]... PATTERN [FILE.nnc]...
Search for PATTERN in the content of files that nncomp has compressed, or of standard input.

Options are those of grep, but for --label and what chooses among files: -d, -D, --include,
--exclude, --exclude-dir and --exclude-from. -r takes the .nnc files in directories. What was
written with --prime FILE is read with that.

Exit status: 0 if a line was found, 1 if none was, 2 if anything failed."""

_SHORT = {"r": "recursive", "R": "recursive", "q": "quiet", "s": "no-messages", "V": "version"}
_SHORT_WITH_VALUE = {
    **{"A": "after-context", "B": "before-context", "C": "context", "m": "max-count"},
    **{"e": "regexp", "f": "file", "d": "directories", "D": "devices"},
}
_LONG_WITH_VALUE = {
    *_SHORT_WITH_VALUE.values(),
    *("binary-files", "exclude", "exclude-dir", "exclude-from", "group-separator", "include"),
    "label",
}
_LONG = {  # of GNU grep: they may be shortened
    *_LONG_WITH_VALUE,
    *("basic-regexp", "binary", "byte-offset", "color", "colour", "count", "dereference-recursive"),
    *("extended-regexp", "files-with-matches", "files-without-match", "fixed-regexp"),
    *("fixed-strings", "help", "ignore-case", "initial-tab", "invert-match", "line-buffered"),
    *("line-number", "line-regexp", "no-filename", "no-group-separator", "no-ignore-case"),
    *("no-messages", "null", "null-data", "only-matching", "perl-regexp", "quiet", "recursive"),
    *("silent", "text", "version", "with-filename", "word-regexp"),
}
_OWN = "prime"  # an option of nncomp, with a value, which may not be shortened
_SYNONYMS = {"silent": "quiet", "dereference-recursive": "recursive"}
REFUSED = {"directories", "devices", "label", *(n for n in _LONG if n.startswith(("ex", "inc")))}
REFUSED -= {"extended-regexp"}

Option = tuple[str, list[str]]  # full name if it is known here, and the words for grep


@dataclass(frozen=True)
class _Request:
    """The parsed command line."""

    options: list[str]  # for grep
    names: list[str]
    recursive: bool
    quiet: bool  # stop at the first line found
    silent: bool  # say nothing about files that cannot be read
    prime: PrimeFile | None


def main() -> NoReturn:
    """Run the command line in ``sys.argv`` as a process of its own, and exit."""

    def work() -> int:
        if hasattr(signal, "SIGPIPE"):  # a grep that has seen enough is no reason to die
            signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        streams.prepare()
        return streams.finish(run(sys.argv[1:]), 2)

    signals.obeying(work)


def run(args: list[str]) -> int:
    """Run one command; returns the exit status. Prints errors, installs no signal handlers."""
    try:
        with contextlib.ExitStack() as stack:
            return _run(args, stack)
    except click.UsageError as error:
        say(f"nncgrep: {printable(error.format_message())}; try nncgrep --help")
    except Exception as error:
        complain(None, error, "nncgrep")
        streams.give_up_after(error)
    return 2


def _run(args: list[str], stack: contextlib.ExitStack) -> int:
    options, names = _parse(args)
    known = {name for name, _ in options}
    if known & {"help", "version"}:
        click.echo(USAGE if "help" in known else f"nncgrep (nncomp) {nncomp.__version__}")
        return 0
    for name in sorted(known & REFUSED):
        raise click.UsageError(f"there is no option --{name}")
    if not known & {"regexp", "file"}:
        if not names:
            raise click.UsageError("a pattern is missing")
        options.append(("regexp", ["-e", names.pop(0)]))
    words = []
    prime = None
    for name, parts in options:
        if name == "file":
            words += ["-f", _pattern_file(parts[-1], stack)]
        elif name == _OWN:
            prime = read_prime(parts[-1])
        elif name != "recursive":  # grep itself gets a pipe
            words += parts
    recursive, quiet, silent = (name in known for name in ("recursive", "quiet", "no-messages"))
    return _search_all(_Request(words, names, recursive, quiet, silent, prime))


def _parse(args: list[str]) -> tuple[list[Option], list[str]]:
    """(options, other words); as in GNU grep, options may come after other words."""
    options: list[Option] = []
    operands: list[str] = []
    words = iter(args)

    def value_of(option: str) -> str:
        value = next(words, None)
        if value is None:
            raise click.UsageError(f"option {option} needs a value")
        return value

    for word in words:
        if word == "--":
            operands += words
        elif word.startswith("--"):
            short, equals, value = word[2:].partition("=")
            matching = {short} & _LONG or {name for name in _LONG if name.startswith(short)}
            name = matching.pop() if len(matching) == 1 else short  # else grep will complain
            if short == _OWN:
                options.append((_OWN, [value if equals else value_of(word)]))
            elif name in _LONG_WITH_VALUE:
                options.append((name, [f"--{name}", value if equals else value_of(word)]))
            else:
                options.append((_SYNONYMS.get(name, name), [word]))
        elif word.startswith("-") and word != STREAM:
            options += _cluster(word[1:], value_of)
        else:
            operands.append(word)
    return options, operands


def _cluster(letters: str, value_of: Callable[[str], str]) -> Iterator[Option]:
    """The options of one word: 'nA3' are -n and -A 3; '12' is one number."""
    while letters:
        letter, rest = letters[0], letters[1:]
        if letter in _SHORT_WITH_VALUE:
            yield _SHORT_WITH_VALUE[letter], [f"-{letter}", rest or value_of(f"-{letter}")]
            return
        if letter.isdecimal():
            rest = letters.lstrip("0123456789")
            letter = letters.removesuffix(rest)
        yield _SHORT.get(letter, ""), [f"-{letter}"]
        letters = rest


def _pattern_file(name: str, stack: contextlib.ExitStack) -> str:
    """The name of a file of patterns that every grep can read: a pipe is copied to a file."""
    if name != STREAM and os.path.isfile(name):
        return name
    with fileio.standard_input() if name == STREAM else open(name, "rb") as source:
        copy = stack.enter_context(tempfile.NamedTemporaryFile())
        copy.write(source.read())
        copy.flush()
    return copy.name


def _search_all(request: _Request) -> int:
    report = Report(0, "nncgrep")
    names = request.names or ["." if request.recursive else STREAM]
    files = inputs.find(Mode.DECOMPRESS, tuple(names), recursive=request.recursive)
    several = len(names) > 1 or (request.recursive and os.path.isdir(names[0]))
    words = ["-H"] if several else []
    options = dataclasses.replace(default_options(), prime=request.prime)
    found = False
    for file in files:
        try:
            label = file.name if request.names else file.name.removeprefix("./")
            known = [] if file.name == STREAM else [f"--label={label}"]
            grep = _Grep(["grep", *words, *request.options, *known, "--", "-"])
            status = _search(file, grep, options, enough=request.quiet)
        except Exception as error:
            if not (request.silent and isinstance(error, OSError)):
                report.complain(file.name, error)
            report.status = 1
            continue
        if status == 0 and request.quiet:
            return 0
        if status > 1:  # most probably wrong usage, about which grep has printed a message
            return status
        found |= status == 0
    return 2 if report.status else 0 if found else 1


def _search(file: Input, grep: _Grep, options: Options, *, enough: bool) -> int:
    """Search one file; returns grep's exit status. Raises the file's error, after searching the
    content before it, unless it is ``enough`` that there is something."""
    from nncomp import api

    if file.problem is not None:
        raise file.problem
    with inputs.open_packed(file.name) as source, grep:
        try:
            with contextlib.suppress(BrokenPipeError):  # it has seen enough
                api.decompress_stream(source, grep, options.of_call())
        except Exception:
            if not (enough and grep.has_begun and grep.end() == 0):
                raise
        return grep.end()


class _Grep:
    """A grep process that is only started once there is content: a file that cannot be read at all
    is not searched."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def has_begun(self) -> bool:
        return self._process is not None

    def write(self, data: bytes, /) -> int:
        pipe = self._start()
        pipe.write(data)
        pipe.flush()
        return len(data)

    def end(self) -> int:
        """End its input, and return its exit status."""
        self._start()
        return self._wait()

    def _start(self) -> IO[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE)
        assert self._process.stdin is not None
        return self._process.stdin

    def _wait(self) -> int:
        assert self._process is not None and self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        status = self._process.wait()
        if status == -getattr(signal, "SIGPIPE", 0) != 0:  # nobody reads what it finds
            raise signals.Signalled(-status)
        return status if status >= 0 else 2

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None or self._process is None:
            return
        if not issubclass(kind, Exception):
            self._process.kill()
        self._wait()
