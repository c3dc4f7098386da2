"""Who may import whom: the direction of the package, and what ``import nncomp`` costs."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import nncomp

HERE = Path(__file__).parent
PACKAGE = Path(nncomp.__file__).parent

# What each module imports of the package, while types are checked aside. A module or package that
# is not here may import everything but what RESERVED says.
ALLOWED = {
    "arguments": set(),
    "errors": set(),
    "exclusive": set(),
    "kernels": {"_native", "errors"},
    "levels": {"arguments", "mixing"},
    "contexts": {"contexts"},
    "mixing": {"contexts", "mixing_memory"},
    "mixing_memory": {"contexts"},
    "mixing_tables": {"tables"},
    "prime": {"arguments", "container", "errors"},
    "rawio": set(),
    "schedule": set(),
    "tables": set(),
    "varint": {"errors"},
    "container": {"container", "errors", "mixing", "rawio", "varint"},
    "filters": {"_native", "errors", "filters", "kernels", "mixing", "varint"},
    "plan": {
        *("_native", "container", "errors", "filters", "levels", "mixing", "plan", "prime"),
        "varint",
    },
    "fileio": {"errors", "folder", "rawio"},
    "folder": set(),
    "model": {"errors", "network"},
    "network": {"errors", "network"},
    "registry": {"errors", "fileio", "model"},
    "packing": {"_native", "container", "errors", "model", "network"},
    "options": {"arguments", "container", "levels", "model", "prime"},
    "resolve": {
        *("container", "errors", "fileio", "levels", "model", "options", "registry", "packing"),
    },
    "engine": {
        *("_native", "arguments", "contexts", "engine", "errors", "kernels", "mixing"),
        *("mixing_memory", "mixing_tables", "model", "network", "prime", "tables"),
    },
    "summary": {"plan"},
    "places": {"arguments", "container", "engine", "mixing", "plan", "schedule"},
    "far": {"_native", "errors", "plan", "varint"},
    "cuts": {"filters", "rawio"},
    "encode": {
        *("blocks", "container", "cuts", "errors", "far", "levels", "model", "options"),
        *("places", "plan", "rawio", "resolve", "schedule", "summary", "ways"),
    },
    "blocks": {"container", "far", "filters", "mixing", "plan", "schedule", "ways"},
    "ways": {"container", "engine", "levels", "mixing", "places", "plan", "schedule"},
    "decode": {
        *("container", "engine", "errors", "far", "filters", "model", "options", "places", "plan"),
        *("prime", "resolve", "schedule", "summary"),
    },
    "api": {
        *("arguments", "container", "decode", "encode", "options", "rawio", "schedule"),
        "summary",
    },
    "incremental": {"arguments", "container", "decode", "encode", "exclusive", "options"},
    "info": {
        *("arguments", "container", "errors", "model", "options", "plan", "rawio", "registry"),
        *("summary", "packing"),
    },
    "counting": {
        *("arguments", "container", "engine", "levels", "mixing", "options", "plan", "rawio"),
        *("resolve", "schedule"),
    },
    "generation": {
        *("arguments", "container", "engine", "levels", "mixing", "options", "resolve"),
    },
    "estimation": {
        *("api", "container", "encode", "engine", "errors", "info", "levels", "mixing", "options"),
        *("plan", "rawio", "registry"),
    },
    "likeness": {"arguments", "engine", "levels", "mixing", "schedule"},
    "learn": {"arguments", "engine", "levels", "mixing"},
    "insight": {"counting", "insight", "likeness"},
    "reader": {"container", "decode", "plan"},
    "file": {
        *("arguments", "container", "decode", "errors", "exclusive", "incremental", "options"),
        *("prime", "rawio", "reader"),
    },
    "integrations": {
        *("api", "arguments", "blocks", "encode", "errors", "file", "fileio", "integrations"),
        *("levels", "options", "prime", "rawio", "reader", "resolve"),
    },
    "train": {
        "container",
        "engine",
        "errors",
        "fileio",
        "mixing",
        "model",
        "network",
        "tables",
        "train",
        "packing",
    },
}

# Who else may import these.
RESERVED = {
    "nncomp.train": {"train", "cli.adapt", "cli.train"},
    "nncomp.engine": {
        "counting",
        "engine",
        "estimation",
        "generation",
        "learn",
        "likeness",
        "places",
        "train.mixture",
    },
    "nncomp.integrations": {"integrations"},
    "nncomp.cli": {"cli", "__main__"},
    "torch": {"train", "engine.cuda", "cli.train", "cli.training"},
    "triton": {"engine.cuda"},
    "click": {"cli"},
    "tqdm": {"cli"},
}


def modules() -> dict[str, ast.Module]:
    """Dotted names below ``nncomp``; that of a package is the package's."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(p for p in parts if p != "__init__")
        found[name] = ast.parse(path.read_text("utf-8"))
    return found


def imports(tree: ast.AST) -> Iterator[str]:
    """Full names of all that is imported when the module runs, in functions too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        else:
            yield from imports(node)


MODULES = modules()


def is_in(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


@pytest.mark.parametrize("name", sorted(MODULES))
def test_direction(name: str) -> None:
    allowed = ALLOWED.get(name.split(".")[0])
    for found in imports(MODULES[name]):
        for package, importers in RESERVED.items():
            if is_in(found, package):
                assert any(is_in(name, i) for i in importers), f"{name} imports {found}"
        if allowed is not None and is_in(found, "nncomp"):
            assert found.split(".")[1] in allowed, f"{name} imports {found}"


def test_the_rules_are_about_modules_that_exist() -> None:
    tops = {name.split(".")[0] for name in MODULES} | {"_native"}
    assert tops >= {*ALLOWED, *(name for names in ALLOWED.values() for name in names)}
    everyone = {importer for importers in RESERVED.values() for importer in importers}
    assert {name.split(".")[0] for name in everyone} <= tops


def test_only_programs_print_and_exit() -> None:
    for name, tree in MODULES.items():
        if not is_in(name, "cli") and name != "stopwatch":
            calls = {ast.unparse(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
            assert not calls & {"print", "exit", "sys.exit", "os._exit"}, name


def loaded_by(code: str) -> set[str]:
    """Top-level modules after running ``code`` in a fresh interpreter."""
    code += "\nimport sys; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    return {name.split(".")[0] for name in result.stdout.split()}


def test_importing_is_cheap() -> None:
    heavy = {"numpy", "torch", "click", "safetensors", "zstandard", "concurrent", "asyncio"}
    assert not loaded_by("import nncomp") & heavy
    assert not loaded_by("import nncomp.cli.main") & (heavy - {"click"})
    everything = "import nncomp; nncomp.NNCompFile, nncomp.open, nncomp.get_frame_info"
    assert not loaded_by(everything) & (heavy - {"numpy"})


def test_integrations_are_there_without_being_imported() -> None:
    others = {"dask", "distributed", "fsspec", "numcodecs", "zarr"}
    assert not loaded_by("import nncomp; nncomp.integrations.register_fsspec") & others
    pytest.importorskip("numcodecs")
    assert "numcodecs" in loaded_by("import nncomp; nncomp.integrations.numcodecs.NNComp")


def private_names(tree: ast.Module) -> Iterator[str]:
    """Private names of the package that a test uses: of what it imports, or as text to patch."""
    ours = {
        alias.asname or alias.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        or (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("nncomp"))
        for alias in node.names
        if not isinstance(node, ast.Import) or alias.name.startswith("nncomp")
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("nncomp"):
            yield from (alias.name for alias in node.names if is_private(alias.name))
        elif isinstance(node, ast.Attribute) and is_private(node.attr):
            root = node.value
            while isinstance(root, ast.Attribute):
                root = root.value
            if isinstance(root, ast.Name) and root.id in ours:
                yield ast.unparse(node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if re.fullmatch(r"nncomp(\.\w+)*\._(?!native\b|_)\w+(\.\w+)*", node.value):
                yield node.value


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name != "_native"


@pytest.mark.parametrize("path", sorted(HERE.rglob("*.py")), ids=lambda path: path.name)
def test_tests_know_public_names_only(path: Path) -> None:
    assert [*private_names(ast.parse(path.read_text("utf-8")))] == []


def test_public_names() -> None:
    for name in nncomp.__all__:
        assert getattr(nncomp, name) is not None
    assert set(nncomp.__all__) == set(dir(nncomp))
    with pytest.raises(AttributeError, match="nothing"):
        nncomp.nothing  # noqa: B018
    assert (PACKAGE / "py.typed").is_file()
