"""Problems from texts: what they mean, and what is said of those that mean none."""

import numpy as np
import pytest

from optimlab.lab.frame import StudyError
from optimlab.lab.problems import Quadratic, Rosenbrock, bowl, ravine
from optimlab.lab.sweeps import OnNet, OnSurface, problem, problems

SAME = [
    ("rosenbrock", OnSurface(Rosenbrock(), start=(-1.2, 1.0))),
    ("Rosenbrock + noise .1", OnSurface("rosenbrock", noise=0.1)),
    ("bowl(5)", OnSurface(bowl(5))), ("ravine(100, 10) + noise 1e-2", OnSurface(ravine(100, 10), noise=0.01)),
    ("quadratic(1, 10, 100)", OnSurface(Quadratic((1.0, 10.0, 100.0)))),
    ("surface('x**2 + y**2', noise=0.1, spread=0.5, target=0.01, start=(1, 2))",
     OnSurface("x**2 + y**2", noise=0.1, spread=0.5, target=0.01, start=(1, 2))),
    ("spiral(hidden=(5, 4), activation='relu')", OnNet("spiral", (5, 4), "relu")),
    ("digits(20, batch=32, target=0.5)", OnNet("digits", 20, batch=32, target=0.5)), ("xor()", OnNet("xor")),
]  # fmt: skip


@pytest.mark.parametrize(("text", "meant"), SAME, ids=[text for text, _ in SAME])
def test_a_text_is_the_object_that_it_means(text, meant):
    found = problem(text)
    assert found.config == meant.config
    first, second = (each.seen([0, 1], 1) for each in (found, meant))
    assert (first.gradient(first.start) == second.gradient(second.start)).all()


def test_several_stand_between_commas_or_in_a_list():
    text = "rosenbrock, surface('maximum(x, y)**2', target=1), bowl(3) + noise 0.1, xor(hidden=(2, 3))"
    labels = ["rosenbrock", "maximum(x, y)**2", "bowl(3) + noise 0.1", "xor 2-3 tanh"]
    assert list(problems(text)) == labels
    assert list(problems(["rosenbrock, beale", OnNet("xor", (2, 3))])) == ["rosenbrock", "beale", "xor 2-3 tanh"]
    assert list(problems(OnSurface("beale", name="mine"))) == ["mine"]
    assert list(problems(bowl(1))) == ["Quadratic(curvatures=(2.0,))"]


def test_functions_and_objects_are_problems(tmp_path):
    class Valley:
        start = (2.0, 1.0)

        def value(self, w):
            return w[0] ** 2 + 3 * w[1] ** 2

    place = OnSurface(Valley(), target=0.1, spread=0.0).seen([0], 2)
    assert place.gradient(place.start).tolist() == [[4.0, 6.0]] * 2
    (tmp_path / "own.py").write_text("def valley(x, y):\n    return x**2 + 3 * y**2\n")
    own = problem(f"surface('{tmp_path}/own.py:valley', target=0.1, start=(2, 1), spread=0)")
    assert own.label == f"{tmp_path}/own.py:valley"
    assert own.seen([0], 1).gradient(np.array([[2.0, 1.0]])).tolist() == [[4.0, 6.0]]


WRONG = {
    "rosenbrok": "did you mean rosenbrock",
    "x**2 + y**2": r"no minimum of x\*\*2 \+ y\*\*2 is known; say .* below, as in surface\('x\*\*2', target=0.01\)",
    "ravine(0.5)": "condition must be at least 1",
    "ravine()": "missing a required argument",
    "spirl()": "'spirl' is not known",
    "spiral(hiden=3)": "unexpected keyword argument 'hiden'",
    "spiral(activation='rely')": "activation must be",
    "digits(batch=0)": "batch must be",
    "xor() + noise 0.1": r"the noise of a net is that of its mini-batches, xor\(batch=32\)",
    "bowl + noise x": "could not convert",
    "bowl + noise -1": "noise must be",
    "surface('bowl', spread=-1)": "spread must be",
    "surface('bowl', start=(1, 2, 3))": "start must be 2 finite numbers",
    "surface('bowl', start=(1, 'a'))": "could not convert",
    "surface('bowl', target='a')": "target must be",
    "bowl, , beale": "a problem must stand between commas",
    "": "a problem must stand between commas",
    "nowhere.py:f": "there is no file nowhere.py",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_text_that_means_no_problem(text):
    with pytest.raises(StudyError, match=WRONG[text]):
        problems(text)
