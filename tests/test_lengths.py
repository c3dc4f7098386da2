"""How long files and functions may be.

What is longer says why, or is in a list here that is to become empty.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILE_LINES, FUNCTION_LINES = 400, 60
PYTHON_FUNCTION_LINES = 80  # with the parameters and what is said of them, one a line

# Whoever shortens one removes its entry.
LONG_FILES: set[str] = set()
LONG_FUNCTIONS: set[str] = set()
LONG_PYTHON_FUNCTIONS: set[str] = set()

CONTROL = {"if", "for", "while", "switch", "catch", "constexpr", "requires"}


def first_comment(path: Path, text: str) -> str:
    if path.suffix in (".py", ".pyi"):
        return ast.get_docstring(ast.parse(text)) or ""
    match = re.match(r"(?://.*\n)+", text)
    return match[0] if match else ""


def test_files() -> None:
    long = set()
    for path in sorted(ROOT.joinpath("nncomp").rglob("*.*")):
        if path.suffix not in (".py", ".pyi", ".cpp", ".hpp", ".cu"):
            continue
        text = path.read_text("utf-8")
        reason = f"{FILE_LINES} lines" in first_comment(path, text)
        if text.count("\n") > FILE_LINES and not reason:
            long.add(path.relative_to(ROOT).as_posix())
    assert long == LONG_FILES


def plain(source: str) -> str:
    """The source with comments and what is in quotes blank, line by line."""

    def blank(match: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", match[0])

    quoted = r'"(?:\\.|[^"\\\n])*"' + r"|(?<!\w)'(?:\\.|[^'\\\n])*'"
    return re.sub(rf"//.*|/\*[\s\S]*?\*/|{quoted}|^#.*(?:\\\n.*)*", blank, source, flags=re.M)


def functions(source: str) -> Iterator[tuple[str, int]]:
    """Names and lengths in lines, from `template` or the type to the brace, of functions."""
    code = plain(source)
    opened: list[tuple[str | None, int]] = []
    for at, char in enumerate(code):
        if char == "{":
            opened.append(header(code[:at]))
        elif char == "}":
            name, start = opened.pop()
            if name is not None:
                yield name, code.count("\n", start, at) + 1
    assert not opened


def header(before: str) -> tuple[str | None, int]:
    """The function whose body begins behind ``before``, or None, and where it begins."""
    tail = re.search(r"\)\s*(?:const|noexcept|override|->[\w:<>*&\s]+|\s)*$", before[-100:])
    if tail is None:
        return None, 0
    at, depth = len(before) - len(tail[0]), 1
    while depth:  # to the parenthesis that belongs to it
        at -= 1
        depth += {")": 1, "(": -1}.get(before[at], 0)
    name = re.search(r"([\w~]+|operator\S+)\s*$", before[:at])
    if name is None or name[1] in CONTROL:
        return None, 0
    start = max(before.rfind(c, 0, at) for c in ";{}") + 1
    return name[1], start + len(before[start:]) - len(before[start:].lstrip())


def test_functions() -> None:
    long = set()
    for path in sorted(ROOT.joinpath("nncomp/csrc").rglob("*.*")):
        if path.suffix not in (".cpp", ".hpp", ".cu"):
            continue
        for name, lines in functions(path.read_text("utf-8")):
            if lines > FUNCTION_LINES:
                long.add(f"{path.relative_to(ROOT / 'nncomp/csrc').as_posix()} {name}")
    assert long == LONG_FUNCTIONS


def test_python_functions() -> None:
    long = set()
    for path in sorted(ROOT.joinpath("nncomp").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                assert node.end_lineno is not None
                if node.end_lineno - node.lineno >= PYTHON_FUNCTION_LINES:
                    long.add(f"{path.relative_to(ROOT).as_posix()} {node.name}")
    assert long == LONG_PYTHON_FUNCTIONS


def test_functions_are_found() -> None:
    source = """
    // f() {
    template <class T>
    int f(T x, const char* s = "}") {
      if (x) { g(); }
      for (int i = 0; i < 3; ++i) {
        [&](int y) { return y; }(i);
      }
    }
    A::A(int x) : a(x), b(x) {
    }
    struct B { bool ok() const { return '{'; } };
    """
    assert list(functions(source)) == [("f", 7), ("b", 2), ("ok", 1)]
