"""Pages say what the code says: examples run, commands parse, constants are read and compared."""

from __future__ import annotations

import ast
import doctest
import fnmatch
import importlib.util
import inspect
import re
import shlex
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

import nncomp
from commandline import Run
from nncomp import (
    _native,
    container,
    errors,
    levels,
    mixing,
    mixing_tables,
    model,
    packing,
    plan,
    registry,
    resolve,
)
from nncomp.cli.files import compress
from nncomp.cli.main import cli
from nncomp.cli.parameters import byte_size
from nncomp.cli.train import train
from nncomp.container import Block, FrameWriter, Header, ModelRef, values
from nncomp.encode import header_of
from nncomp.engine import LANES_PER_THREAD
from nncomp.filters import FILTERS
from nncomp.mixing import Contexts, Mixing, Profile
from nncomp.network import CONTEXTS, Attention, FeedForward, Layer, ModelConfig, Table
from nncomp.options import DEFAULT_MEMORY_LIMIT, Options, Reading, Writing
from nncomp.plan import Plan, Stream, layout, memory

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
RELEASED = ("nano-1", "nano-2", "small-2", "base-2")
UNITS = {"KiB": 10, "MiB": 20, "GiB": 30}


def page(name: str) -> str:
    return ROOT.joinpath(name).read_text("utf-8")


def table(text: str, head: str) -> list[list[str]]:
    """The cells of the rows below the line that begins with ``head``."""
    lines = iter(text[text.index(f"\n{head}") + 1 :].splitlines())
    assert next(lines).startswith(head) and re.fullmatch(r"[|: -]+", next(lines))
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip().strip("|").split("|")])
    return rows


def number(text: str) -> int:
    """'2^24', '65535', '1,024', '16 MiB'."""
    match = re.fullmatch(r"2\^([0-9]+)|([0-9,]+)(?: ?(KiB|MiB|GiB))?", text)
    assert match, text
    if match[1]:
        return 1 << int(match[1])
    return int(match[2].replace(",", "")) << UNITS.get(match[3], 0)


def found(pattern: str, text: str) -> str:
    """What the only match of ``pattern`` captures."""
    (match,) = re.findall(pattern, text)
    assert isinstance(match, str)
    return match


# ---- Examples and commands ----


@pytest.mark.parametrize("name", ["api.md", "prime.md"])
def test_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = doctest.testfile(str(DOCS / name), module_relative=False, encoding="utf-8")
    assert result.attempted > 0 and result.failed == 0


def commands(text: str) -> list[str]:
    """The lines of code that begin with nncomp, up to a comment, a pipe or a redirection."""
    lines = re.findall(r"^    (nncomp .*)$", text, re.MULTILINE)
    return [re.split(r"\s+[#|>]|\s*[;&]|  ", line)[0] for line in lines]


def parsed(line: str) -> click.Context:
    """The context of the command that ``line`` would run. Raises ``click.UsageError``."""
    args = shlex.split(line)[1:]
    ctx: click.Context = cli.make_context("nncomp", args)
    while isinstance(ctx.command, click.Group) and (rest := [*ctx._protected_args, *ctx.args]):
        name, command, args = ctx.command.resolve_command(ctx, rest)
        assert name and command
        ctx = command.make_context(name, args, ctx)
    return ctx


@pytest.mark.parametrize("line", sorted({*commands(page("README.md"))}))
def test_commands_of_the_readme(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # where no file has a command's name
    try:
        assert parsed(line).command
    except click.exceptions.Exit as done:  # after --version
        assert done.exit_code == 0


def test_training_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every ``nncomp train`` in docs/training.md is one that the program takes."""
    monkeypatch.chdir(tmp_path)
    text = page("docs/training.md")
    (toml,) = re.findall(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    Path("my.toml").write_text(toml)
    commands = re.findall(r"^    .*nncomp train (.*)$", text, re.MULTILINE)
    assert len(commands) > 8
    parent = click.Context(cli, **cli.context_settings)  # commands remember the first
    parsed = [train.make_context("train", shlex.split(c), parent).params for c in commands]
    (of_file,) = [p for p in parsed if p["seed"] == 2]
    assert of_file["weights"] == {"prose": 40, "code": 20, "code/linux": 10}
    layers = ["attention:4:32:128", "feed_forward:512", "attention:4:32:512", "feed_forward:512"]
    assert [*map(str, of_file["layers"])] == layers and of_file["batch"] == 65536


@pytest.mark.torch
def test_presets() -> None:
    pytest.importorskip("torch")
    from nncomp.train.presets import PRESETS

    text = page("docs/training.md")
    for name, about in PRESETS.items():
        shape = f"{len(about.layers)} × {about.d_model}"
        assert re.search(rf"^\| `{name}`.* {shape} ", text, re.MULTILINE)
        millions = about.product_weights / 1e6
        assert f"| {millions:.{2 if millions < 1 else 1}f} M |" in text


def examples(text: str) -> str:
    """All Python of a page, prompts and what is printed removed."""
    blocks = re.findall(r"^```(python|pycon)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [
        line[4:] if kind == "pycon" else line
        for kind, block in blocks
        for line in block.splitlines()
        if kind == "python" or line.startswith((">>> ", "... "))
    ]
    return "\n".join(lines)


def test_names_in_the_examples_are_there_after_their_imports() -> None:
    """What an example takes from a package is public, and imported by what stands above it."""
    tree = ast.parse(examples(page("docs/api.md")))
    names: dict[str, Any] = {}
    looked_up = 0
    for statement in tree.body:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            of = getattr(statement, "module", None)
            modules = [of] if of else [alias.name for alias in statement.names]
            if all(importlib.util.find_spec(module.split(".")[0]) for module in modules):
                exec(ast.unparse(statement), names)
        for node in ast.walk(statement):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                owner = names.get(node.value.id)
                if owner is nncomp:
                    assert node.attr in nncomp.__all__
                if inspect.ismodule(owner):
                    assert hasattr(owner, node.attr), ast.unparse(node)
                    looked_up += 1
    assert looked_up > 10


# ---- Options, statuses, errors ----


def options(command: click.Command) -> dict[str, click.Option]:
    """All that can stand on its command line, by name."""
    return {
        name: param
        for param in command.params
        if isinstance(param, click.Option)
        for name in (*param.opts, *param.secondary_opts)
    }


def manual() -> str:
    return page("docs/nncomp.1").replace("\\-", "-")


def test_the_manual_has_every_option_and_no_other() -> None:
    ctx = click.Context(cli, **cli.context_settings)
    known = {"-h", "--help"}
    for name in ("compress", "cat"):
        command = cli.get_command(ctx, name)
        assert command is not None
        known |= {*options(command)}
    levels_between = {f"-{level}" for level in range(levels.MIN_LEVEL + 1, levels.MAX_LEVEL)}
    heads = re.findall(r"^\.TP\n\.BR? (.*)$", manual(), re.MULTILINE)
    named = {name for head in heads for name in re.findall(r"(?<![\w-])--?\w[\w-]*", head)}
    assert named == known - levels_between
    assert set(re.findall(r"(?<![\w-])--\w[\w-]*", manual())) <= known


def test_defaults_and_ranges_in_manual_and_api() -> None:
    ctx = click.Context(cli, **cli.context_settings)
    command = cli.get_command(ctx, "compress")
    assert command is not None
    known, text = options(command), manual()
    assert byte_size(known["--memory"].default) == DEFAULT_MEMORY_LIMIT
    least, most = re.findall(r"power of two from (\w+) to (\w+)\.", text)[0]
    assert (byte_size(least), byte_size(most)) == (
        container.MIN_BLOCK_SIZE,
        container.MAX_BLOCK_SIZE,
    )
    assert byte_size(found(r"needs more; (\w+) by default", text)) == DEFAULT_MEMORY_LIMIT
    assert float(found(r"([0-9]+) by default", text)) == known["--train-time"].default
    assert int(found(r"([0-9]) is the default,", text)) == levels.DEFAULT_LEVEL
    assert levels.MAX_LEVEL == int(found(r"\.BR -1 \" ... \" -([0-9]) ", text))
    api = page("docs/api.md")
    assert number(found(r"bytes, default ([0-9]+ GiB)", api)) == DEFAULT_MEMORY_LIMIT
    numbers = re.findall(r"\| ([0-9]) … ([0-9]), default ([0-9]):", api)
    assert [*map(int, numbers[0])] == [levels.MIN_LEVEL, levels.MAX_LEVEL, levels.DEFAULT_LEVEL]


def test_exit_statuses(run: Run) -> None:
    """0, 1 and 2 as the manual and the help say."""
    said = (
        "0 if all is well, 1 if anything failed, 2 for wrong usage (not a warning, as with gzip)."
    )
    assert said in manual()
    assert said in " ".join(run("--help", status=0).stdout.decode().split())
    run("no-such-file", status=1)
    run("--no-such-option", status=2)
    assert f"ends with {128 + signal.SIGTERM} after SIGTERM" in manual()


def test_options_and_errors_of_the_api() -> None:
    text = page("docs/api.md")
    listed: dict[str, set[str]] = {"compressing": set(), "decompressing": set()}
    for names, where, _ in table(text, "| option |"):
        for name in re.findall(r"`(\w+)`", names):
            for which in listed if where == "both" else [where]:
                listed[which].add(name)
    for which, options in (
        ("compressing", {"level", *Writing.__annotations__}),
        ("decompressing", {*Reading.__annotations__}),
    ):
        assert listed[which] == options
    documented = {
        name for row in table(text, "| error |") for name in re.findall(r"`(\w+)`", row[0])
    }
    assert documented == {*errors.__all__}


def test_nothing_is_to_be_installed_from_where_it_is_not() -> None:
    """nncomp is on no index: what it needs is named, or it is installed from a clone."""
    texts = [place for place in DOCS.iterdir() if place.suffix != ".png"]
    pages = [ROOT / "README.md", *texts, *ROOT.joinpath("nncomp").rglob("*.py")]
    for place in pages:
        assert not re.search(r"install '?nncomp\b|\bnncomp\[", place.read_text("utf-8")), place


# ---- Versions and limits ----


def test_the_tree_is_whole() -> None:
    """docs/ARCHITECTURE.md names every module and folder of the package, and none that is not."""
    tree = page("docs/ARCHITECTURE.md").split("    nncomp/\n")[1].split("\n\n")[0]
    there = {path.name for path in ROOT.joinpath("nncomp").iterdir()} - {"__pycache__"}
    files = {name for name in there if name.endswith(".py")} - {"__main__.py"}
    folders = {name for name in there if ROOT.joinpath("nncomp", name).is_dir()}
    assert {*re.findall(r"\b_*[a-z_]+\.py\b", tree)} - {"native.py"} == files
    assert {name for name in folders if not re.search(rf"\b{name}/", tree)} == set()


def test_versions() -> None:
    version = str(container.VERSION)
    text = page("docs/format.md")
    for pattern in (
        r"format version \*\*(.+?)\*\*",
        r"format version: ([0-9]+)",
        r"The version is ([0-9]+)",
        r"decoder of version ([0-9]+)",
    ):
        assert found(pattern, text) == version
    changes = page("CHANGELOG.md")
    assert found(r"Format version ([0-9]+)", changes) == version
    for old in (found(r"Versions 1 to ([0-9]+)", text), found(r"Versions 1 to ([0-9]+)", changes)):
        assert int(old) == container.VERSION - 1
    arithmetic = str(model.ARITHMETIC)
    assert found(r"arithmetic version \*\*(.+?)\*\*", page("docs/numerics.md")) == arithmetic
    assert found(r"Arithmetic version ([0-9]+)", changes) == arithmetic
    project = page("pyproject.toml")
    assert found(r'(?m)^version = "(.+)"$', project) == nncomp.__version__
    assert found(r'\.TH NNCOMP 1 "" "nncomp (.+?)"', page("docs/nncomp.1")) == nncomp.__version__
    assert re.findall(r"(?m)^## ([0-9.]+)", changes)[0] == nncomp.__version__


def test_limits_of_the_format() -> None:
    text = page("docs/format.md")
    fields = {row[0]: row[-1] for row in table(text, "| field | bytes | content |")}
    assert bytes.fromhex(found(r"`([0-9A-F ]+)`", fields["magic"])) == container.MAGIC
    exponents = range(int(found(r"− 10, 0…([0-9]+);", fields["geometry"])) + 1)
    assert 1024 << exponents[-1] == container.MAX_BLOCK_SIZE
    assert container.MIN_BLOCK_SIZE == 1024
    least, most = re.findall(r"a power of two, ([0-9]+ KiB) … ([0-9]+ MiB)\.", text)[0]
    assert (number(least), number(most)) == (container.MIN_BLOCK_SIZE, container.MAX_BLOCK_SIZE)
    assert int(found(r"1, 2, 4 … ([0-9]+), is the number of lanes", text)) == container.MAX_LANES
    assert found(r"mixing profile: (.*?);", fields["method"]) == ", ".join(
        f"{profile.value} {profile.name.lower()}" for profile in Profile
    )
    reaches = re.findall(r" ([0-9]) ([0-9]+ [MG]iB)", found(r"reach: (.*)$", fields["method"]))
    assert [*enumerate(container.REACHES)][1:] == [(int(i), number(size)) for i, size in reaches]
    assert int(found(r"less 1: 0 … ([0-9]+) \|", text)) == plan.MAX_SOURCES - 1
    for most in re.findall(r"at most (\S+) blocks back", text):
        assert number(most) == plan.MAX_BACK
    assert number(found(r"A frame has at most (\S+) blocks", text)) == values.MAX_BLOCKS
    assert number(found(r"\| block count \| varint \| at most (\S+) \|", text)) == values.MAX_BLOCKS
    assert int(found(r"\| name \| 1 … ([0-9]+) \|", text)) == values.MAX_NAME
    assert int(found(r"\n\| id \| ([0-9]+) \|", text)) == values.ID_SIZE
    assert (
        number(found(r"varint \| 1 … ([0-9]+ MiB); only if embedded", text))
        == values.MAX_MODEL_SIZE
    )
    most = found(r"\| period \| varint \| not of .*0: none; or 2 … ([0-9]+):", text)
    assert int(most) == mixing.MAX_PERIOD
    assert int(found(r"\| stride \| 1 \| 1 … ([0-9]+):", text)) == mixing.MAX_STRIDE
    assert found(r"stream's contexts are 0 … ([0-9]),", text) == str(max(Contexts))
    assert number(found(r"\| plan size \| varint \| 1 … (\S+) \|", text)) == values.MAX_PLAN_SIZE
    streams, size = re.findall(
        r"There are 1 … ([0-9]+) streams, of together at most (\S+) b", text
    )[0]
    assert (int(streams), number(size)) == (plan.MAX_STREAMS, plan.MAX_STREAM_SIZE)
    most = found(r"there are at most ([0-9]+) streams", text)
    assert int(most) == plan.MAX_STREAMS
    more, each = re.findall(r"at most floor\(\(n \+ ([0-9]+)\) / ([0-9]+)\) streams are", text)[0]
    sizes = range(100)
    assert [(n + int(more)) // int(each) for n in sizes] == [*map(plan.most_coded, sizes)]


def test_names_of_the_format() -> None:
    text = page("docs/format.md")
    ways = [row[0].replace(" ", "") for row in table(text, "| way | payloads of the stream |")]
    how = Mixing(Profile.RICH)
    streams = [Stream(1, (b"",)), Stream(1, (b"",), how), Stream(1, (b"",), how, network=True)]
    assert ways == [stream.label for stream in streams]
    contexts = [(row[0], row[1]) for row in table(text, "| | contexts |")]
    assert contexts == [(str(c.value), c.name.lower()) for c in Contexts]
    filters = [(int(row[0]), row[1]) for row in table(text, "| | filter |")]
    assert filters == [(i, module.NAME) for i, module in enumerate(FILTERS)]


class Count:
    """Counts what is written."""

    size = 0

    def write(self, data: bytes) -> int:
        self.size += len(data)
        return len(data)


def overhead(header: Header, *blocks: Block) -> int:
    """Bytes of a frame beside its blocks' payloads."""
    model = ModelRef(bytes(16), "base-2")
    if len(blocks) == 1:
        named = model if blocks[0].network else None
        small = container.small_frame(header, blocks[0], named)
        if small is not None:
            return len(small) - len(blocks[0].payload)
    sink = Count()
    writer = FrameWriter(sink, header)
    for block in blocks:
        first = block.network and not writer.has_network
        writer.write(block, model if first else None)
    writer.end()
    return sink.size - sum(len(block.payload) for block in blocks)


def block_of(stream: Stream) -> Block:
    return layout.dumps(Plan((stream,)), stream.size, 0)


def test_sizes_of_the_format() -> None:
    preset = levels.get(5)
    lanes = preset.full_lanes(preset.block_size)
    header = Header(preset.block_size, lanes, model.ARITHMETIC, preset.profile)
    how = Mixing(preset.profile)
    payload = bytes(300)
    small = [
        (),
        (block_of(Stream(1000, (bytes(1000),))),),
        (block_of(Stream(1000, (payload,), how)),),
        (block_of(Stream(1000, (payload,), how, network=True)),),
        (block_of(Stream(1000, (payload,), Mixing(preset.profile, Contexts.RECORDS, 13))),),
        (block_of(Stream(100_000, (payload,), how)),),
        (block_of(Stream(100_000, (payload,), how, network=True)),),
    ]
    rows = table(page("docs/format.md"), "| content | bytes beside the payloads |")
    for blocks, (_, said) in zip(small, rows, strict=False):
        assert eval(re.split("[=;]", said)[0]) == overhead(header, *blocks)
        assert re.search(rf"\b{overhead(header, *blocks)}\b", said)
    what, said = rows[-1]
    big, count = re.findall(r"of ([0-9]+ MiB) in ([0-9]+) lanes, as at -5", what)[0]
    assert (number(big), int(count)) == (preset.block_size, lanes)
    assert said == "45 or 46, and 7 or 8 in the index"
    # bytes that a lane comes to; bytes beside the payloads
    for share, more, index in ((1 << 17, 45, 7), (1 << 18, 46, 8)):
        block = block_of(Stream(number(big), (bytes(share),) * lanes, how, network=True))
        record = container.record_size(block, None) - share * lanes
        assert record == more
        assert overhead(header, block, block) - overhead(header, block) == record + index


def test_limits_of_the_arithmetic() -> None:
    """A model at each limit of docs/numerics.md is one, and beyond it is none."""
    base = dict(
        arithmetic=model.ARITHMETIC,
        d_model=64,
        layers=(FeedForward(64),),
        tables=(),
    )

    def legal(**changed: Any) -> bool:
        try:
            ModelConfig(**{**base, **changed})
        except errors.ModelError:
            return False
        return True

    limits = {
        row[0]: row[2] for row in table(page("docs/numerics.md"), "| name | meaning | limit |")
    }

    def legal_layer(layer: Layer) -> bool:
        return legal(layers=(layer,))

    ways: dict[str, Callable[[int], bool]] = {
        "d": lambda n: legal(d_model=n),
        "f": lambda n: legal_layer(FeedForward(n)),
        "W": lambda n: legal_layer(Attention(4, 16, n)),
    }
    for name, is_legal in ways.items():
        least, most, step = map(
            int, re.findall(r"^([0-9]+) … ([0-9]+), multiple of ([0-9]+)$", limits[name])[0]
        )
        for value, good in (
            (least, 1),
            (least - step, 0),
            (most, 1),
            (most + step, 0),
            (most - 1, 0),
        ):
            assert is_legal(value) == bool(good)
    layers = int(found(r"^1 … ([0-9]+)$", limits["L"]))
    for count, good in ((layers, True), (layers + 1, False), (0, False)):
        assert legal(layers=(FeedForward(64),) * count) == good
    heads = int(found(r"^1 … ([0-9]+)$", limits["H"]))
    assert legal_layer(Attention(heads, 16, 64)) and not legal_layer(Attention(heads + 4, 16, 64))
    widths = [*map(int, re.findall(r"[0-9]+", limits["h"].split(";")[0]))]
    assert [h for h in range(8, 264, 8) if legal_layer(Attention(8, h, 64))] == widths
    most = int(found(r"≤ ([0-9]+)$", limits["h"])) // 128
    assert legal_layer(Attention(most, 128, 64)) and not legal_layer(Attention(most + 1, 128, 64))
    tables = limits["tables"]
    count = int(found(r"at most ([0-9]+);", tables))
    one = Table("2", 8, 16, 0, 0)
    assert legal(tables=(one,) * count) and not legal(tables=(one,) * (count + 1))
    first, last = map(int, re.findall(r"([0-9]+) ≤ b ≤ ([0-9]+)", tables)[0])
    for bits in range(1, 30):
        assert legal(tables=(Table("2", bits, 16, 0, 8),)) == (first <= bits <= last)


def every_mixing(profile: Profile) -> list[Mixing]:
    """One for each family of the profile."""
    families = [Contexts.GENERAL] if profile == Profile.LEAN else [*Contexts]
    periods = {Contexts.RECORDS: 12, Contexts.PICTURE: 12, Contexts.WIDE: 12, Contexts.FLOATS: 12}
    strides = {Contexts.WIDE: 2}
    return [Mixing(profile, c, periods.get(c, 0), strides.get(c, 1)) for c in families]


def test_memory_of_the_stage() -> None:
    """Section 11 says what the native engine asks for; ``Mixing.memory`` is never less."""
    text = page("docs/numerics.md")
    size, units = 1 << 26, 64
    said, most = re.findall(r"takes ([0-9]+) bytes for each\s+state .*, up to (\S+) MiB", text)[0]
    automaton = int(said) * (255 * 256 + (1 << 20))
    assert f"{automaton / (1 << 20):.2f}" == most
    lanes: dict[Profile, list[int]] = {}
    shared: dict[Profile, list[int]] = {}
    for profile in Profile:
        lanes[profile], shared[profile] = [], []
        for how in every_mixing(profile):
            one, two = (_native.mixing_memory(how.numbers, False, 0, size, n) for n in (1, 2))
            assert one <= how.memory(size, 1) and two <= how.memory(size, 2)
            tables = len(how.family.contexts) * ((72 if profile == Profile.MAX else 64) << 18)
            tables += how.family.count("match") * (4 << 22)
            lanes[profile].append(two - one - automaton)
            shared[profile].append(2 * one - two - tables)
            read = _native.mixing_memory(how.numbers, True, units, size, 2)
            read -= _native.mixing_memory(how.numbers, True, units, size, 1)
            each = (read - (two - one)) / units
            assert f"{each / 1024:.1f}" == found(r"([0-9.]+) KiB for each unit", text)

    def spread(sizes: list[int], unit: int, digits: int) -> str:
        ends = dict.fromkeys(f"{n / unit:,.{digits}f}" for n in (min(sizes), max(sizes)))
        return " to ".join(ends)

    lean = spread(lanes[Profile.LEAN], 1 << 10, 0)
    rich = spread(lanes[Profile.RICH], 1 << 10, 0)
    most = spread(lanes[Profile.MAX], 1 << 20, 1)
    words = " ".join(text.split())
    assert (
        f"A lane takes {lean} KiB with lean, {rich} KiB with rich and {most} MiB with max" in words
    )
    assert {f"{n / (1 << 20):.1f}" for n in shared[Profile.LEAN] + shared[Profile.RICH]} == {
        found(r"share beside these is ([0-9.]+) MiB", words)
    }
    assert f"{max(shared[Profile.MAX]) / (1 << 20):.1f}" == found(r"max up to ([0-9.]+) MiB", words)


def test_contexts_of_tables() -> None:
    """The names of docs/numerics.md, section 3, and their places in a packed model."""
    listed = [row[0] for row in table(page("docs/numerics.md"), "| context | key |")]
    assert listed[0] == "`1` … `8`" and CONTEXTS[:8] == tuple("12345678")
    assert listed[1:] == [f"`{context}`" for context in CONTEXTS[8:]]
    assert f"its place among {', '.join(listed)}, from 0" in page("docs/format.md")


def test_table_of_tensors() -> None:
    """Section 9's table is the schema, for shapes with no two dimensions alike."""
    attention, inner = Attention(6, 32, 320), FeedForward(448)
    tables = {"hashed": Table("3", 9, 48, 16, 0), "known contexts": Table("word", 9, 48, 16, 8)}
    config = ModelConfig(model.ARITHMETIC, 128, (attention, inner), (*tables.values(),))
    names = {"d": 128, "b": 9, "w": 48, "H": 6, "h": 32, "W": 320, "f": 448}

    def value(text: str) -> int:
        text = text.replace("−", "-").replace("·", "*").replace("^", "**")
        return int(eval(text, {}, names))

    listed = {}
    for name, kind, dtype, shape, low, high in table(
        page("docs/numerics.md"), "| tensor | of | dtype | shape | least | largest |"
    ):
        every = kind in ("", "every kind", "every table")
        places = [i for i, layer in enumerate(config.layers) if every or kind == layer.kind]
        places += [i for i, which in enumerate(tables) if every or kind == which]
        for i in places:
            key = name.strip("`").replace("{l}", str(i)).replace("{i}", str(i))
            dimensions = tuple(map(value, shape.split(" × ")))
            listed[key] = (dtype, dimensions, value(low), value(high))
    schema = {n: (r.dtype, r.shape, r.low, r.high) for n, r in config.tensors.items()}
    assert listed == schema


def test_statistics_of_packed_models() -> None:
    """Section 5 of the format's page: which tensors share their adaptive probabilities."""
    rows = table(page("docs/format.md"), "| number | tensors |")
    named = {int(number): pattern.strip("`") for number, pattern in rows[:-1]}
    config = ModelConfig(
        model.ARITHMETIC, 64, (Attention(2, 32, 64), FeedForward(64)), (Table("3", 8, 16, 0, 8),)
    )
    for row in config.tensors.values():
        assert fnmatch.fnmatch(row.name, named[row.statistics]), row
    assert {row.statistics for row in config.tensors.values()} == named.keys()


# ---- Levels and models ----


def listed_levels(text: str) -> list[int]:
    """'-4 … -6 (default -5)', '4–6', '-9'."""
    ends = [*map(int, re.findall(r"[0-9]+", text.split("(")[0]))]
    return [*range(ends[0], ends[-1] + 1)] if ends else []


def test_levels_of_the_readme() -> None:
    text = page("README.md")
    seen = []
    rows = table(text, "| level | model | adaptive stage | block |")
    said = " ".join((compress.help or "").split())
    for names, name, profile, sizes, *costs in rows:
        presets = [levels.get(level) for level in listed_levels(names)]
        assert {preset.model for preset in presets} == {name.strip("`")}
        assert {preset.profile.name.lower() for preset in presets} == {profile}
        blocks = [preset.block_size >> 20 for preset in presets]
        ends = [*map(int, re.findall(r"[0-9]+", sizes))]
        assert [min(blocks), max(blocks)] == [ends[0], ends[-1]] and sizes.endswith(" MiB")
        options = [Options(level=level) for level in listed_levels(names)]
        needs = [memory.of_frame(header_of(o), resolve.for_writing(o)[0], None) for o in options]
        assert costs[-1] == f"{round(max(needs) / (1 << 20))} MiB"
        short = names.split(" (")[0].replace("…", "to")
        assert " ".join([short, *costs]) in said
        seen += listed_levels(names)
    assert seen == [*range(levels.MIN_LEVEL, levels.MAX_LEVEL + 1)]
    assert found(r"\(default -([0-9])\)", text) == str(levels.DEFAULT_LEVEL)


def test_what_the_readme_begins_with() -> None:
    """Is what its table of sizes says, whose last row is of all files."""
    text = page("README.md")
    head = re.findall(r"^\| files .*$", text, re.MULTILINE)[0].strip("|").split("|")
    rows = table(text, "| files | bytes |")
    *kinds, total = ([int(re.sub(r"[*,]", "", cell)) for cell in row[1:]] for row in rows)
    assert total == [sum(column) for column in zip(*kinds, strict=True)]
    sizes = dict(zip((name.strip(" *") for name in head[1:]), total, strict=True))
    for share, peer in re.findall(r"([0-9]+) % less than with (xz -9e|zpaq -m5)", text):
        assert int(share) == round(100 - 100 * sizes["nncomp -5"] / sizes[peer])


def test_sizes_of_models_in_the_readme() -> None:
    sizes = re.findall(
        r"`((?:nano|small|base)-[0-9])`\s\(([0-9,]+)(?: bytes)?; "
        r"([0-9,]+)(?: packed into a file)?\)",
        page("README.md"),
    )
    assert {name for name, *_ in sizes} == {*RELEASED}
    for name, size, packed in sizes:
        assert number(size) == registry.lookup(name).stat().st_size
        assert number(packed) == len(packing.pack(registry.find(name)).data)


def test_models_page() -> None:
    rows = {row[0]: row[1:] for row in table(page("models/README.md"), "| | nano-1 |")}
    for i, name in enumerate(RELEASED):
        entry = registry.entry(registry.lookup(name))
        config = entry.config
        of_level = [n for n in range(1, 10) if levels.get(n).model == name]
        assert listed_levels(rows["used at levels"][i]) == of_level
        assert number(rows["weights in products"][i]) == config.product_weights
        assert number(rows["stored bytes"][i]) == config.stored_size
        assert rows["layers × width"][i] == f"{len(config.layers)} × {config.d_model}"
        windows = [*map(int, re.findall("[0-9]+", rows["windows of attention"][i]))]
        shape = rows["in turn: attention (heads × width), feed-forward"][i]
        *head, inner = map(int, re.findall("[0-9]+", shape))
        expected: list[Layer] = [] if windows else [FeedForward(inner)]
        for window in windows:
            expected += Attention(head[0], head[1], window), FeedForward(inner)
        assert config.layers == tuple(expected)
        tables = {}
        for orders, size, width in re.findall(
            r"((?:[0-9](?:, | and )?)+): ([0-9]+) × ([0-9]+)",
            rows["n-gram tables (order: rows × width)"][i],
        ):
            tables |= {int(order): (int(size), int(width)) for order in re.findall("[0-9]", orders)}
        hashed = [t for t in config.tables if not t.ways]
        assert tables == {int(t.context): (t.rows, t.width) for t in hashed}
        known = {}
        for contexts, log2_rows in re.findall(
            r"((?:[0-9a-z]+(?:, )?)+): ([0-9]+)",
            rows["tables of known contexts, 16 wide (log2 of rows)"][i],
        ):
            known |= dict.fromkeys(contexts.split(", "), int(log2_rows))
        assert known == {t.context: t.log2_rows for t in config.tables if t.ways}


def test_what_levels_ask_for_in_other_pages() -> None:
    text = page("docs/adaptive.md")
    asks, _, _ = text.partition("A stream of one lane")
    for share, level in re.findall(r"([0-9.]+) % at -([0-9])", asks):
        asked = 100 * levels.get(int(level)).min_gain / 1024
        assert f"{asked:.1f}".removesuffix(".0") == share
    assert "from -5 on, blocks" in text
    thorough = [n for n in range(1, 10) if levels.get(n).thorough]
    assert thorough == [5, 6, 7, 8, 9]
    lane = number(found(r"long, ([0-9]+ KiB) at -5", page("docs/decisions.md")))
    assert lane == levels.get(5).lane_size


def test_what_a_gpu_is_asked_for() -> None:
    text = page("docs/performance.md")
    assert int(found(r"`LANES_PER_THREAD = ([0-9]+)`", text)) == LANES_PER_THREAD
    how = Mixing(Profile.RICH)
    contexts, buckets = re.findall(r"now ([0-9]+) contexts, ([0-9]+) buckets", text)[0]
    assert [int(contexts), int(buckets)] == [len(how.family.contexts) * n for n in (1, 2)]
    assert found(r"its ([0-9]+) buckets", text) == buckets
    units = registry.entry(registry.lookup("base-2")).config.units
    sizes = re.findall(r"([0-9]+) MiB for ([0-9]+) MiB (?:of text )?in ([0-9]+)", text)
    assert len(sizes) == 2
    for need, size, lanes in sizes:
        asked = _native.mixing_memory(how.numbers, True, units, int(size) << 20, int(lanes))
        assert round(asked / (1 << 20)) == int(need)


def test_memory_in_the_page_of_the_stage() -> None:
    """Of a full block, in one lane and in as many as there are beside the network."""
    text = " ".join(page("docs/adaptive.md").split())
    one, rich, lanes, least, most, small = re.findall(
        r"profile: ([0-9]+) MiB at -1, ([0-9]+) at -5, or ([0-9]+) in eight lanes beside the "
        r"network, ([0-9]+) to ([0-9]+) at -7 to -9 for a full block; "
        r"shorter blocks take less \(([0-9]+) for 1 MB at -5\)",
        text,
    )[0]

    def mebibytes(level: int, joined: bool, size: int = 0) -> str:
        preset = levels.get(level)
        count = preset.full_lanes(preset.block_size) if joined else 1
        need = Mixing(preset.profile).memory(size or preset.block_size, count)
        return str(round(need / (1 << 20)))

    assert (one, rich, lanes) == (mebibytes(1, False), mebibytes(5, False), mebibytes(5, True))
    assert {least} == {mebibytes(level, False) for level in (7, 8, 9)}
    assert int(most) == max(int(mebibytes(level, True)) for level in (7, 8, 9))
    assert small == mebibytes(5, False, 1_000_000)


# ---- Comments ----


def test_the_range_of_stretch() -> None:
    widest = int(abs(mixing_tables.STRETCH).max())
    source = Path(mixing_tables.__file__).read_text("utf-8")
    assert (
        found(
            r"\nSTRETCH = .*# \(4096\) (.*)\n",
            source,
        )
        == f"−{widest}…{widest}"
    )
    assert f"\n|x| ≤ {widest}. " in page("docs/numerics.md")


CSRC = ROOT.joinpath("nncomp/csrc")
SOURCES = {
    path.relative_to(CSRC).as_posix(): path.read_text("utf-8") for path in sorted(CSRC.rglob("*.*"))
}


def seen_by(name: str) -> str:
    """The code, without comments, of a source of the engine and of all that it includes."""
    known = [name]
    for file in known:
        known += {*re.findall(r'^#include "(.*)"', SOURCES[file], re.MULTILINE)} - {*known}
    return re.sub(r"//.*", "", "\n".join(SOURCES[file] for file in known))


@pytest.mark.parametrize("name", SOURCES)
def test_comments_of_the_engine_name_what_exists(name: str) -> None:
    """``name()`` in a comment is a function that is seen there, a file's name a file."""
    defined = {*re.findall(r"\b(\w+)\([^;{}]*\)[\w\s]*{", seen_by(name))}
    files = {path.name for part in ("nncomp", "docs") for path in ROOT.joinpath(part).rglob("*.*")}
    for text in re.findall(r"//(.*)", SOURCES[name]):
        assert {*re.findall(r"\b([A-Za-z_]\w*)\(\)", text)} <= defined
        assert {*re.findall(r"\b(\w+\.(?:hpp|cpp|cu|py|md))\b", text)} <= files


def test_comments_of_the_engine_have_what_they_are_about() -> None:
    """None stands alone at the end of a scope, as a function that was moved would leave it."""
    for name, source in SOURCES.items():
        assert (name, re.findall(r"\n(//.*)\n+}", source)) == (name, [])


# ---- unnnc ----


def test_unnnc_has_the_same_constants() -> None:
    """Those that it needs a second time; test_unnnc.py decodes with it, and is slow."""
    source = "".join(path.read_text() for path in sorted(ROOT.joinpath("unnnc").rglob("*.?pp")))
    source += page("nncomp/csrc/block/block.hpp")

    def constant(name: str) -> int:
        text = found(rf"constexpr \w+ {name} = ([^;]+);", source)
        return int(eval(text.replace("uint64_t(1)", "1")))

    assert constant("VERSION") == container.VERSION
    assert constant("ARITHMETIC") == model.ARITHMETIC
    for name in ("MAX_BLOCKS", "MAX_PLAN_SIZE", "MAX_MODEL_SIZE", "MAX_LANES", "LEAD_SIZE"):
        assert constant(name) == getattr(values, name)
    for name in ("MAX_STREAMS", "MAX_BACK", "MAX_SOURCES", "MAX_STREAM_SIZE"):
        assert constant(name) == getattr(plan, name)
    filters = found(r"const Filter FILTERS\[\] = {\n((?:    .*\n)+)};", source)
    assert filters.count("\n") == len(FILTERS)


# ---- Promises ----


def test_what_trust_rests_on() -> None:
    """Tests that the pages name are there, and as many damaged files as one says."""
    for name in ("docs/trust.md", "docs/cluster.md"):
        named = set(re.findall(r"`(?:tests/)?(test_\w+\.py)`", page(name)))
        assert named and all((ROOT / "tests" / test).is_file() for test in named), name
    said = re.search(r"(\d+) damaged files", page("docs/trust.md"))
    assert said and int(said[1]) == len(list((ROOT / "tests" / "golden").glob("bad-*.nnc")))
