"""Write what follows from the table of contexts, nncomp/contexts/table.py.

Two C++ headers, stage/families.hpp and stage/contexts.hpp, and the listing in docs/numerics.md.
With --check nothing is written, and the program fails if a file is not as it would be written.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from nncomp.contexts.expression import Tree, features, parse  # noqa: E402
from nncomp.contexts.family import (  # noqa: E402
    BIT,
    DEFINITIONS,
    INSTRUCTION,
    NUMBERS,
    Family,
    Input,
)
from nncomp.contexts.table import FAMILIES, MAX_CONTEXTS, MAX_MEMORIES  # noqa: E402

STAGE = ROOT / "nncomp" / "csrc" / "stage"
PAGE = ROOT / "docs" / "numerics.md"
FROM = "// Written by `make contexts` from nncomp/contexts/table.py: do not edit."
OFF = "// clang-format off\n"
MARKS = "<!-- written by `make contexts` -->\n", "<!-- so far -->\n"

# C++

CALLS = {
    "pick": "pick",
    "#": "combine",
    ">>": "right",
    "abs": "absolute",
    "clip": "clip",
    "min": "least",
}
BINDING = {"|": 1, "&": 2, "<<": 3, "+": 4, "-": 4, "*": 5}


def cpp(tree: Tree) -> str:
    """An expression of 64 bits. Features without arguments, and definitions, are variables."""
    match tree:
        case int():
            return str(tree) if tree < 256 else f"0x{tree:X}"
        case ("c", k):
            return f"c{k}"
        case (name,):
            return f"bit.{name}" if name in BIT else name
        case ("mod", x, k):
            return f"{operand(x, '&', True)} & 0x{(1 << k) - 1:X}"
        case (":", a, b, yes, no):
            return f"more({cpp(a)}, {cpp(b)}) ? {cpp(yes)} : {cpp(no)}"
        case (operation, x, y) if operation in BINDING:
            return f"{operand(x, operation, True)} {operation} {operand(y, operation, False)}"
        case (name, *operands):
            each = ", ".join(map(cpp, operands))
            return f"{CALLS[name]}({each})" if name in CALLS else f"feature::{name}(s, l, {each})"
    raise ValueError(f"{tree!r} is no tree")


def operand(tree: Tree, operation: str, left: bool) -> str:
    """In brackets, where compilers or readers would like to have them."""
    inner = tree[0].replace("mod", "&") if isinstance(tree, tuple) and len(tree) == 3 else ""
    first, second = BINDING[operation], BINDING.get(inner, 9)
    clear = second == 9 or (first == second and left) or {operation, inner} <= {"|", "<<"}
    clear = clear or (second > first > 3)
    return cpp(tree) if clear else f"({cpp(tree)})"


def variables(trees: list[Tree], names: dict[str, str]) -> Iterator[str]:
    """Declares what expressions are made of: features, then the definitions they use, in order."""
    used = list(trees)
    for tree in used:
        for found in features(tree):
            used += [parse(names[n]) for n in found[:1] if n in names]
    found = {f for tree in used for f in features(tree)}
    for f in sorted((f for f in found if f[0] == "c"), key=str):
        yield f"const uint64_t c{f[1]} = feature::c(s, l, {f[1]});"
    for (name,) in sorted(f for f in found if len(f) == 1 and f[0] not in {*names, *BIT}):
        yield f"const uint64_t {name} = feature::{name}(s, l);"
    for name, text in names.items():
        if (name,) in found:
            yield f"const uint64_t {name} = {cpp(parse(text))};"


def own(family: Family) -> tuple[Input, ...]:
    """Contexts beyond those of the family's base."""
    return family.contexts[len(family.base.contexts) if family.base else 0 :]


def values(family: Family) -> str:
    """The function that sets what the contexts of a family hash."""
    names = DEFINITIONS | family.definitions
    trees = [parse(i.what) for i in own(family)]
    lines = list(variables(trees, names))
    lines += [f"{f.name}_values(s, l, add);" for f in [family.base] if f]
    lines += [f"add({cpp(tree)});" for tree in trees]
    body = "\n".join(f"  {line}" for line in lines)
    name = f"inline void {family.name}_values(const Shared& s, const Lane& l, Add add)"
    return f"// {family.about}\ntemplate <class Add>\n{name} {{\n{body}\n}}\n"


def memories(family: Family) -> str:
    """The function that sets what the memories of a family hash."""
    names = DEFINITIONS | family.definitions
    trees = [parse(memory) for memory in family.memories]
    lines = [*variables(trees, names), *(f"add({cpp(tree)});" for tree in trees)]
    body = "\n".join(f"  {line}" for line in lines)
    name = f"inline void {family.name}_memories(const Shared& s, const Lane& l, Add add)"
    return f"template <class Add>\n{name} {{\n{body}\n}}\n"


def rows(family: Family, of_bit: bool) -> str:
    """The function that picks rows: of the sets that do so for each bit, or once for a byte; after
    those of the family's base."""
    base = family.base
    values = family.row_values()  # definitions replaced, which C++ has as variables
    trees = {
        i: parse(family.rows[i])
        for i in range(len(base.rows) if base else 0, len(family.rows))
        if of_bit == any(feature[0] in BIT for feature in features(values[i]))
    }
    what, more, passed, template = (
        ("bit_rows", "const Bit& bit, uint32_t* row", "bit, row", "")
        if of_bit
        else ("byte_rows", "Set set", "set", "template <class Set>\n")
    )
    lines = list(variables([*trees.values()], DEFINITIONS | family.definitions))
    lines += [f"{base.name}_{what}(s, l, {passed});"] if base else []
    for i, tree in trees.items():
        behind = f"{family.first_rows[i]} + " if i else ""
        row = f"{behind}uint32_t({cpp(tree)})"
        lines.append(f"row[{i}] = {row};" if of_bit else f"set({i}, {row});")
    body = "\n".join(f"  {line}" for line in lines)
    head = f"{template}inline void {family.name}_{what}(const Shared& s, const Lane& l, {more})"
    return f"{head} {{\n{body}\n}}\n"


def switch(what: str, arguments: str, families: Sequence[Family]) -> str:
    cases = [f"    case {f.name.upper()}: return {f.name}_{what}({arguments});" for f in families]
    return "\n".join(["  switch (s.shape.family) {", *cases, "  }"])


def contexts_hpp() -> str:
    remembering = [f for f in FAMILIES if f.memories]
    functions = "\n".join([*map(values, FAMILIES), *map(memories, remembering)])
    functions += "\n" + "\n".join(rows(f, of_bit) for of_bit in (False, True) for f in FAMILIES)
    return f"""{FROM}
// What the contexts of each family hash, and which row of weights each set picks. Everything is in
// unnamed namespaces: see kernels/body.hpp. More than 400 lines, for it is a list.
// Families of the max profile begin with what those of the rich one have.
#pragma once

#include <cstdint>

#include "stage/floats.hpp"
#include "stage/past.hpp"
#include "stage/samples.hpp"
#include "stage/state.hpp"
#include "stage/values.hpp"
#include "stage/x86.hpp"

{OFF}
namespace nncomp::mix {{
namespace {{

{functions}
// Calls add(v) for what each of the block's contexts hashes, in order.
template <class Add>
inline void values(const Shared& s, const Lane& l, Add add) {{
{switch("values", "s, l, add", FAMILIES)}
}}

// Calls add(v) for what each of the block's memories hashes, in order.
template <class Add>
inline void memories(const Shared& s, const Lane& l, Add add) {{
{switch("memories", "s, l, add", remembering)}
}}

// Calls set(i, row) for each set of weights that picks its row for a byte.
template <class Set>
inline void byte_rows(const Shared& s, const Lane& l, Set set) {{
{switch("byte_rows", "s, l, set", FAMILIES)}
}}

// Sets the rows of those that pick one for each bit.
inline void bit_rows(const Shared& s, const Lane& l, const Bit& bit, uint32_t* row) {{
{switch("bit_rows", "s, l, bit, row", FAMILIES)}
}}

}}  // namespace
}}  // namespace nncomp::mix
"""


def weights(inputs: list[Input], network: bool) -> str:
    numbers = ", ".join(str(i.weight(network)) for i in inputs)
    return textwrap.fill(f"{{{numbers}}}", 110, initial_indent=" " * 6, subsequent_indent=" " * 7)


def families_hpp() -> str:
    most = max(len(f.inputs(network)) for f in FAMILIES for network in (False, True))
    entries = []
    for f in FAMILIES:
        used = {t[0] for v in f.values(False) for t in features(v)}
        asked = [bool(used & INSTRUCTION), bool(used & NUMBERS), f.full, f.floats]
        counts = [f.count("match"), f.count("sample"), len(f.rows), f.first_rows[-1]]
        counts += [len(f.memories), f.width]
        numbers = ", ".join([*map(str, counts), *("true" if flag else "false" for flag in asked)])
        both = f"{{{f.count('context')}, {f.count('context', True)}}}"
        each = ",\n".join(weights(f.inputs(network), network) for network in (False, True))
        entries.append(f"    // {f.name}\n    {{{both}, {numbers}, {{\n{each}}}}},")
    table = "\n".join(entries)
    return f"""{FROM}
// How many contexts each family has, and what inputs weigh at first.
#pragma once

#include <cstdint>

{OFF}
namespace nncomp::mix {{

enum Family : int32_t {{ {", ".join(f.name.upper() for f in FAMILIES)} }};

constexpr int MAX_CONTEXTS = {MAX_CONTEXTS};
constexpr int MAX_MEMORIES = {MAX_MEMORIES};

// Pairs: without, and beside the network.
struct FamilyTable {{
  int32_t contexts[2];
  int32_t matches, samples;        // of predictions of samples
  int32_t sets, rows, memories;    // rows of weights: of all sets
  uint32_t width;                  // bytes of a number that is predicted; 0: none is
  bool x86;                        // whether instructions are followed
  bool numbers;                    // whether numbers of lines are followed
  bool full;                       // whether contexts have runs, and three inputs each
  bool floats;                     // whether numbers in floating point are predicted
  // First weights, 2^14 being one: contexts, order 0, order 1, matches, samples, network, constant.
  int16_t weight[2][{most}];
}};

inline constexpr FamilyTable FAMILIES[] = {{
{table}
}};

}}  // namespace nncomp::mix
"""


# The page


def shown(text: str) -> str:
    """As on the page."""
    return text.replace(" - ", " − ").replace("*", "·")


def weight(number: int | None) -> str:
    return "–" if number is None else str(number).replace("-", "−")


def row(first: str, *numbers: int | None) -> str:
    return f"    {shown(first):<67}" + "".join(f"{weight(n):>9}" for n in numbers)


def listing() -> str:
    """Every family with its contexts, other inputs, and rows."""
    out = []
    for name, text in DEFINITIONS.items():
        out.append(f"    {name} = {shown(text)}")
    for f in FAMILIES:
        alone, beside = f.count("context"), f.count("context", True)
        fewer = f", beside the network {beside}" if beside != alone else ""
        title = f.name.capitalize().replace("_", ", ")
        out += ["", f"**{title}**, {alone} contexts{fewer}. {f.about}", ""]
        out += [f"    {name} = {shown(text)}" for name, text in f.definitions.items()]
        out += [""] * bool(f.definitions)
        out += [row(i.what, i.alone, i.beside) for i in (*f.contexts, *f.others)]
        if f.memories:
            out += ["", "Memories: " + ", ".join(f"`{shown(m)}`" for m in f.memories) + "."]
        out += ["", "Rows: " + ", ".join(f"`{shown(r)}`" for r in f.rows) + "."]
    wide = [textwrap.fill(x, 118) if x[:4].strip() else x for x in out]
    return "\n".join(wide) + "\n"


def page() -> str:
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(MARKS[0])
    return f"{before}{MARKS[0]}\n{listing()}\n{MARKS[1]}{rest.split(MARKS[1])[1]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if it would")
    check = parser.parse_args().check
    files = {
        STAGE / "families.hpp": families_hpp(),
        STAGE / "contexts.hpp": contexts_hpp(),
        PAGE: page(),
    }
    for path, text in files.items():
        there = path.exists() and path.read_text(encoding="utf-8") == text
        if check and not there:
            sys.exit(f"{path.relative_to(ROOT)} is not what make contexts writes")
        if not there:
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
