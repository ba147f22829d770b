"""The layout keeps its promises: public names, docstrings, directions of import, and what an import costs."""

import ast
import doctest
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import optimlab

ROOT = Path(optimlab.__file__).parent
MODULES = sorted(
    info.name
    for info in pkgutil.walk_packages([str(ROOT)], "optimlab.")
    if info.name not in ("optimlab.series.compiled", "optimlab.engine.fused")  # need numba
)
# What each package or module may import from. Lab, theory and problems are for studies, and know nothing of each other.
LAYERS = {
    "autodiff": set(),
    "lab": set(),
    "theory": {"ema"},
    "problems": {"ema", "initializers"},
    "initializers": set(),
    "descent": {"engine", "optimizer"},
    "hooks": {"lazy", "optimizer", "rules"},
    "schedules": {"lazy"},
    "optimizer": {"arguments", "checkpoint", "engine", "rules"},
    "checkpoint": {"engine", "optimizer", "rules"},
    "arguments": {"rules"},
    "engine": {"rules"},
    "rules": {"ema"},
    "ema": {"lazy"},
    "lazy": set(),
}


def public_objects():
    """Everything that a package, or a module of the top level, offers; the engines are inner parts."""
    seen = set()
    modules = ["optimlab.lab.nets.initializers", "optimlab.optimizer"]
    for name in [*modules, *(name for name in MODULES if name.count(".") == 1 and "engine" not in name)]:
        module = importlib.import_module(name)
        if name not in modules and not module.__file__.endswith("__init__.py"):
            continue
        for public in getattr(module, "__all__", []):
            thing = getattr(module, public)
            if (inspect.isclass(thing) or inspect.isfunction(thing)) and thing not in seen:
                seen.add(thing)
                yield pytest.param(thing, id=f"{name}.{public}")


@pytest.mark.parametrize("name", ["optimlab", *MODULES])
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
        values = [getattr(module, key) for key in module.__all__]
        constants = {
            key
            for key, value in zip(module.__all__, values, strict=True)
            if not (inspect.isclass(value) or inspect.isfunction(value))
        }
        assert own | constants == set(module.__all__)


@pytest.mark.parametrize(
    "package",
    ["optimlab.lab.autodiff", "optimlab.ema", "optimlab.lab.frame", "optimlab.lab.problems", "optimlab.lab.theory"],
)
def test_a_package_names_just_what_its_modules_make_public(package):
    module = importlib.import_module(package)
    inner = [importlib.import_module(name) for name in MODULES if name.startswith(package + ".")]
    made_public = {public for each in inner for public in getattr(each, "__all__", [])}
    assert set(module.__all__) <= made_public
    if package in ("optimlab.ema", "optimlab.lab.theory"):
        assert set(module.__all__) == made_public


@pytest.mark.parametrize("thing", list(public_objects()))
def test_every_public_name_has_a_docstring_with_an_example(thing):
    text = inspect.getdoc(thing)
    assert text, "no docstring"
    if issubclass(thing, Exception) if inspect.isclass(thing) else False:
        return
    assert doctest.DocTestParser().get_examples(text), "no example"


def imported_packages(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [node.module or ""]
        for name in names:
            if name.startswith("optimlab."):
                yield name.split(".")[1]


def files(layer):
    return [ROOT / f"{layer}.py"] if (ROOT / f"{layer}.py").exists() else sorted((ROOT / layer).rglob("*.py"))


@pytest.mark.parametrize("layer", sorted(LAYERS))
def test_imports_point_downwards(layer):
    for path in files(layer):
        foreign = set(imported_packages(path)) - {layer}
        assert foreign <= LAYERS[layer], f"{path.relative_to(ROOT)} imports {foreign - LAYERS[layer]}"


def test_every_package_and_module_has_a_layer():
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages | {path.stem for path in ROOT.glob("*.py")} - {"__init__"} == set(LAYERS)


LAZY = sorted(path for path in ROOT.rglob("__init__.py") if "TYPE_CHECKING" in path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", LAZY, ids=[path.parent.name for path in LAZY])
def test_type_checkers_see_the_names_that_are_loaded_when_used(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    blocks = [node for node in tree.body if isinstance(node, ast.If)]
    shown = {alias.name for block in blocks for node in block.body for alias in node.names}
    package = importlib.import_module(".".join(("optimlab", *path.parent.relative_to(ROOT).parts)))
    assert shown == set(package.__all__)
    assert set(package.__all__) <= set(dir(package))


def test_packages_are_found_without_being_imported_by_name():
    code = (
        "import optimlab; print(optimlab.series.Decay(0.9), optimlab.hooks.ClipNorm(1.0), hasattr(optimlab, 'nothing'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["Decay(beta=0.9)", "ClipNorm(max_norm=1.0)", "False"]


def test_no_study_imports_another():
    studies = sorted((ROOT.parent / "studies").glob("*.py"))
    assert studies
    names = {path.stem for path in studies}
    for path in studies:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not names & {alias.name.split(".")[0] for alias in node.names}
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] not in names | {"studies"}


def test_import_is_light():
    packages = ", ".join(["sys", "optimlab", *(f"optimlab.{layer}" for layer in LAYERS)])
    code = f"import {packages}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"pandas", "scipy", "matplotlib", "numba", "torch"}
    assert not heavy & {name.split(".")[0] for name in loaded}


def test_no_forbidden_module_names():
    forbidden = {"utils", "helpers", "base", "manager", "misc"}
    assert not forbidden & {path.stem for path in ROOT.rglob("*.py")}


def test_a_dotted_name_is_no_attribute_of_the_package():
    import optimlab

    assert not hasattr(optimlab, "nothing.here")
