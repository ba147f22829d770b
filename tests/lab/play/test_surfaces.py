"""A surface is found by its name, made of a formula, or taken from a user's file."""

import numpy as np
import pytest

from optimlab import check_gradient
from optimlab.lab.frame import StudyError
from optimlab.lab.play import surface
from optimlab.lab.play.surfaces import _SCENES, scene
from optimlab.lab.problems import Rosenbrock, Surface, saddle

FILE = """
import math
from dataclasses import dataclass
import numpy as np

def valley(x, y, depth=2.0):
    return x**2 + depth * y**4

def point(w):
    if w[0] > 100:
        raise RuntimeError("too far\\nout")
    return np.sin(w[0]) * w[1] ** 2

def plain(w):
    return math.sin(w[0])

def deep(w):
    return plain(w)

def many(w):
    return w * 2

@dataclass(frozen=True)
class Cup:
    start: tuple = (2.0, -1.0)

    def value(self, w):
        return w[0] ** 2 + 3 * w[1] ** 2

class Steep:
    def value(self, w):
        return float(w @ w)

    def gradient(self, w):
        return 2 * np.asarray(w)

cup = Cup()
number = 3.0

def nothing(x, y):
    return None

def word(x, y):
    return "a"

class Wide(Steep):
    def gradient(self, w):
        return np.ones(3)

class Long:
    start = np.ones(3)

    def value(self, w):
        return (w**2).sum()
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    return path


@pytest.mark.parametrize("name", _SCENES)
def test_a_name_is_a_surface_with_its_start_in_the_picture(name):
    found = scene(f" {name.capitalize()}")
    assert isinstance(found.surface, Surface)
    assert found.name == name
    x0, x1, y0, y1 = found.box
    assert x0 < found.start[0] < x1
    assert y0 < found.start[1] < y1


@pytest.mark.parametrize(("text", "remedy"), [
    ("sadle", "saddle"), ("Rosenbrok", "rosenbrock"), ("himelblau", "himmelblau"),
])  # fmt: skip
def test_a_mistyped_name_gets_the_nearest(text, remedy):
    with pytest.raises(StudyError, match=f"'{text}' is no surface; did you mean {remedy}?"):
        surface(text)
    assert isinstance(surface(remedy), Surface)


def test_a_formula_is_the_surface_that_it_says():
    w = np.random.default_rng(0).normal(size=(4, 5, 2))
    found = surface("x**2 - y**2")
    np.testing.assert_allclose(found.value(w), saddle().value(w), rtol=1e-15)
    np.testing.assert_allclose(found.gradient(w), saddle().gradient(w), rtol=1e-15)
    assert found.gradient(np.float32([1.0, 2.0])).dtype == np.float32


def test_a_formula_of_one_variable_is_flat_along_the_other():
    assert surface("sin(x)").gradient([0.0, 5.0]).tolist() == [1.0, 0.0]
    assert surface("y").gradient([[0.0, 5.0]]).tolist() == [[0.0, 1.0]]


def test_a_wrong_formula_says_where():
    with pytest.raises(StudyError, match=r"'z' is not known.*\n  x\*\*2 - z\n         \^"):
        surface("x**2 - z")


@pytest.mark.parametrize(("name", "value", "gradient"), [
    ("valley", 33.0, [2.0, 64.0]), ("point", 4 * np.sin(1.0), [4 * np.cos(1.0), 4 * np.sin(1.0)]),
    ("Cup", 13.0, [2.0, 12.0]), ("cup", 13.0, [2.0, 12.0]), ("Steep", 5.0, [2.0, 4.0]),
])  # fmt: skip
def test_a_file_s_function_class_or_object_is_a_surface(file, name, value, gradient):
    found = surface(f"{file}:{name}")
    assert found.value([1.0, 2.0]) == pytest.approx(value, rel=1e-14)
    np.testing.assert_allclose(found.gradient([[1.0, 2.0], [1.0, 2.0]]), [gradient] * 2, rtol=1e-14)
    assert check_gradient(found.value, found.gradient, found.start, rng=0).error < 1e-8


def test_a_start_in_the_file_is_taken(file):
    assert scene(f"{file}:Cup").start == (2.0, -1.0)
    assert scene(f"{file}:valley").start == (1.0, 1.0)
    assert scene(f"{file}:valley").name == "mine.py:valley"


def line_of(text):
    return next(k for k, line in enumerate(FILE.split("\n"), 1) if text in line)


@pytest.mark.parametrize(("name", "act", "said"), [
    ("vally", lambda f: f, "{file} has no 'vally'; did you mean valley?"),
    ("number", lambda f: f, "a surface must be a function, or have value(w); got 3.0"),
    ("Long", lambda f: f, "a surface must lie over the plane: its start needs 2 numbers; got shape (3,)"),
    ("point", lambda f: f.value([101.0, 0.0]), f"{{file}}:{line_of('too far')}: RuntimeError: too far out"),
    ("plain", lambda f: f.gradient([1.0, 0.0]), f"{{file}}:{line_of('math.sin')}: TypeError: a traced value cannot"),
    ("deep", lambda f: f.gradient([1.0, 0.0]), f"{{file}}:{line_of('math.sin')}: TypeError: a traced value cannot"),
    ("many", lambda f: f.value([1.0, 0.0]), "a surface must return one number for a point; got an array of shape (2,)"),
    ("nothing", lambda f: f.value([1.0, 0.0]), "a surface must return one number for a point; got None"),
    ("word", lambda f: f.value([1.0, 0.0]), "a surface must return one number for a point; got 'a'"),
    ("Wide", lambda f: f.gradient([1.0, 0.0]), "must return two numbers as gradient; got an array of shape (3,)"),
])  # fmt: skip
def test_what_is_wrong_in_a_file_is_said_in_one_line_with_its_place(file, name, act, said):
    with pytest.raises(StudyError) as caught:
        act(surface(f"{file}:{name}"))
    assert said.format(file=file) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("text", "said"), [
    ("x = (", "{file}:1: SyntaxError: '(' was never closed"),
    ("import nothing_at_all", "{file}:1: ModuleNotFoundError"),
    ("\nraise SystemExit(3)", "{file}:2: SystemExit: 3"), ("f = 1", "{file} has no 'f2'; it defines no function"),
])  # fmt: skip
def test_a_file_that_cannot_be_loaded_says_the_line(tmp_path, text, said):
    file = tmp_path / "bad.py"
    file.write_text(text)
    with pytest.raises(StudyError) as caught:
        surface(f"{file}:f2")
    assert str(caught.value).startswith(said.format(file=file))


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(StudyError, match=r"there is no file .*none\.py"):
        surface(f"{tmp_path / 'none.py'}:f")


def test_objects_and_functions_are_taken_as_they_are():
    assert surface(Rosenbrock()) == Rosenbrock()
    assert surface(lambda x, y: x * y).gradient([3.0, 4.0]).tolist() == [4.0, 3.0]
    assert surface(lambda w: w[0] * w[1]).gradient([3.0, 4.0]).tolist() == [4.0, 3.0]
    with pytest.raises(StudyError, match="over the plane, in 2 dimensions; got 3"):
        surface(Rosenbrock(3))


def test_a_file_without_a_name_is_told_to_name_what_is_meant(file):
    with pytest.raises(StudyError, match=r"is a file; name what is meant in it, .*mine\.py:name"):
        surface(str(file))
