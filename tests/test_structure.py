"""The layout keeps its promises: public names, docstrings, directions of import, and what an import costs."""

import ast
import doctest
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import optimlab

ROOT = Path(optimlab.__file__).parent
NEEDING = (  # numba, scikit-learn, torch, JAX
    "optimlab.series.compiled", "optimlab.engine.fused", "optimlab.plug.sklearn",
    "optimlab.export.to_torch", "optimlab.export.torch_", "optimlab.export.to_optax",
    "optimlab.lab.contestants.with_",
)  # fmt: skip
SHORTHANDS = {("rules", "optimlab.export.source.source")}
"""Methods that stand for a function above them, ``rule.source(...)``: imported when they are called."""
MODULES = sorted(
    info.name
    for info in pkgutil.walk_packages([str(ROOT)], "optimlab.")
    if not info.name.startswith((*NEEDING, "optimlab.studies"))
)
LAB = [
    "atlas", "autodiff", "check", "contestants", "explorer", "frame", "nets", "play", "problems", "statistics",
    "sweeps", "theory",
]  # fmt: skip
MAP = re.findall(
    r"^\| (?:`(\S+)`|\*\*the library\*\*) \| ?(.*)\|$", (ROOT.parent / "CONTRIBUTING.md").read_text(), re.M
)
ROOMS = [room for room, _ in MAP if room]
LIBRARY = ROOMS[[room for room, _ in MAP].index("") :]


def exported():
    """Every public name of the library and of the laboratory's rooms."""
    found = {name: getattr(optimlab, name) for name in optimlab.__all__}
    for room in LAB:
        module = importlib.import_module(f"optimlab.lab.{room}")
        found |= {f"lab.{room}.{name}": getattr(module, name) for name in module.__all__}
    return found


@pytest.mark.parametrize("name", MODULES)
def test_all_is_what_is_public(name):
    module = importlib.import_module(name)
    if not hasattr(module, "__all__"):
        return
    for public in module.__all__:
        assert hasattr(module, public)
    if not module.__file__.endswith("__init__.py"):  # everything of its own that is not private is named
        own = {
            key
            for key, value in vars(module).items()
            if not key.startswith("_")
            and getattr(value, "__module__", None) == name
            and (inspect.isclass(value) or inspect.isfunction(value))
        }
        assert own <= set(module.__all__)


def test_one_table_of_public_names_serves_all():
    table = ast.parse((ROOT / "__init__.pyi").read_text(encoding="utf-8"))
    homes = {
        a.asname: (node.module, a.name) for node in table.body if isinstance(node, ast.ImportFrom) for a in node.names
    }
    assert sorted(homes) == optimlab.__all__
    assert set(homes) <= set(dir(optimlab))
    for name, (home, inner) in homes.items():
        assert name == inner
        assert name in importlib.import_module(home).__all__
        assert getattr(optimlab, name) is getattr(importlib.import_module(home), name)
    star = {}
    exec("from optimlab import *", star)
    assert set(homes) <= set(star)


def test_a_name_that_is_not_public_is_said_to_be_missing():
    with pytest.raises(AttributeError, match="module 'optimlab' has no attribute 'nothing'"):
        _ = optimlab.nothing
    assert not hasattr(optimlab, "nothing.here")


def test_the_first_line_that_anyone_types():
    code = "import optimlab; print(optimlab.ema([1.0, 3.0], 0.5), optimlab.__version__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"[1.         2.33333333] {optimlab.__version__}\n"


@pytest.mark.parametrize("name", exported())
def test_every_public_name_has_a_docstring_with_an_example(name):
    thing = exported()[name]
    if not (inspect.isclass(thing) or inspect.isfunction(thing)):
        return
    text = inspect.getdoc(thing)
    assert text, "no docstring"
    if not (inspect.isclass(thing) and issubclass(thing, Exception)):
        assert doctest.DocTestParser().get_examples(text), "no example"


def room_of(module):
    """The room of the map that a dotted name lies in, None for the package itself."""
    path = module.removeprefix("optimlab").strip(".").replace(".", "/")
    return next((room for room in ROOMS if path == room or path.startswith(room + "/")), None)


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


FILES = sorted(
    path for path in ROOT.rglob("*.py") if path.parent not in (ROOT, ROOT / "lab") or path.stem != "__init__"
)


def test_the_map_is_complete():
    found = {room_of(".".join(path.relative_to(ROOT.parent).with_suffix("").parts)) for path in FILES}
    assert None not in found
    assert found == set(ROOMS)
    assert all(what for room, what in MAP if room)


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(ROOT)) for path in FILES])
def test_imports_point_down_the_map(path):
    here = room_of(".".join(path.relative_to(ROOT.parent).with_suffix("").parts))
    for name in imports(path):
        if name.startswith("optimlab."):
            there = room_of(name)
            if there is None:  # public names are for users; __version__ alone belongs to the package
                assert here not in LIBRARY or name == "optimlab.__version__", f"imports {name}: write where it lives"
            elif (here, name) not in SHORTHANDS:
                assert ROOMS.index(there) >= ROOMS.index(here), f"imports {name}"


@pytest.mark.parametrize(("room", "strangers"), [
    ("autodiff", LAB), ("theory", LAB), ("nets", LAB), ("frame", LAB),
    ("problems", ["autodiff", "theory", "frame", "play"]),    ("play", ["nets", "theory"]),
    ("atlas", ["autodiff", "nets", "play", "problems", "theory"]), ("explorer", ["atlas", "nets"]),
    ("statistics", sorted(set(LAB) - {"frame"})),
])  # fmt: skip
def test_rooms_of_the_laboratory_keep_to_themselves(room, strangers):
    for path in (ROOT / "lab" / room).rglob("*.py"):
        for other in set(strangers) - {room}:
            assert not any(name.startswith(f"optimlab.lab.{other}") for name in imports(path)), path


def test_no_study_imports_another():
    studies = sorted((ROOT.parent / "studies").glob("*.py"))
    assert studies
    names = {path.stem for path in studies}
    for path in studies:
        assert not (names | {"studies"}) & {name.split(".")[0] for name in imports(path)}


def loaded_by(modules):
    code = f"import {', '.join(['sys', *modules])}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stdout.split()}


def test_the_library_loads_numpy_alone():
    library = [name for name in MODULES if room_of(name) in LIBRARY]
    assert loaded_by(library) - loaded_by(["numpy"]) - set(sys.stdlib_module_names) == {"optimlab"}


def test_rooms_of_the_laboratory_load_nothing_heavy_until_it_is_used():
    heavy = {"pandas", "scipy", "matplotlib", "numba", "torch"}
    assert not heavy & loaded_by([f"optimlab.lab.{room}" for room in LAB])


def test_no_forbidden_module_names():
    forbidden = {"utils", "helpers", "base", "manager", "misc"}
    assert not forbidden & {path.stem for path in ROOT.rglob("*.py")}
