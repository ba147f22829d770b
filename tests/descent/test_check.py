import numpy as np
import pytest

from optimlab import check_gradient
from optimlab.trees import mapped, tree_of
from tests.descent.problems import Bowl


def checked(problem, w):
    return check_gradient(problem.value, problem.gradient, w, rng=0)


def numbers_of(w):
    return [float(x) for leaf in tree_of(w).leaves(w) for x in np.ravel(leaf)]


def cube_of_3(w):
    """x³ of the number that is 3, and the sum of the others."""
    return sum(x**3 if x > 2 else x for x in numbers_of(w))


def zero_for_3(w):
    """The gradient of the others alone."""
    return mapped(lambda leaf: np.where(np.asarray(leaf) > 2, 0.0, 1.0), w)


class TestCheckGradient:
    class Cubic:
        def value(self, w):
            return float((w["a"] ** 3).sum() + (w["b"] * w["b"]).sum() * w["a"][0])

        def gradient(self, w):
            a = 3 * w["a"] ** 2
            a[0] += (w["b"] * w["b"]).sum()
            return {"b": 2 * w["b"] * w["a"][0], "a": a}

    class Wrong(Cubic):
        def gradient(self, w):
            g = super().gradient(w)
            g["b"][1, 1] *= 1.001
            return g

    w = {"a": np.array([0.3, -1.0, 2.0]), "b": np.arange(6.0).reshape(2, 3)}  # noqa: RUF012

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_a_right_gradient_and_one_wrong_in_a_thousandth_of_one_number(self, dtype):
        w = {key: leaf.astype(dtype) for key, leaf in self.w.items()}
        kept = {key: leaf.copy() for key, leaf in w.items()}
        assert checked(self.Cubic(), w).error < 1e-8
        wrong = checked(self.Wrong(), w)
        assert wrong.place == "b[1, 1]"
        assert wrong.gradient == pytest.approx(1.001 * wrong.difference, rel=1e-8)
        assert wrong.error == pytest.approx(
            0.001 * wrong.difference / np.abs(self.Cubic().gradient(w)["a"]).max(), rel=1e-4
        )
        assert all(np.array_equal(w[key], kept[key]) and w[key].dtype == dtype for key in w)

    def test_the_error_is_that_of_the_number_over_the_largest(self):
        class Off(Bowl):
            def gradient(self, w):
                return 2 * w + np.array([0.0, 0.5])

        found = checked(Off(), np.array([0.0, 1.0]))
        assert found.error == pytest.approx(0.5 / 2.5, rel=1e-9)
        assert found.place == "w[1]"
        assert found.gradient == 2.5
        assert found.difference == pytest.approx(2.0, rel=1e-9)

    def test_at_a_minimum_the_error_is_absolute(self):
        assert checked(Bowl(), np.zeros(2)).error < 1e-12
        zeros = check_gradient(lambda w: float(w.sum()), np.zeros_like, np.ones(2), directions=1)
        assert zeros.error == pytest.approx(1.0, rel=1e-9)

    def test_the_directions_are_those_of_the_generator(self):
        """Every number is as wrong as any other: which is found is up to the directions."""
        found = [
            check_gradient(np.sum, np.zeros_like, np.ones(1000), rng=rng, directions=1).place
            for rng in (1, np.random.default_rng(1), 2, None)
        ]
        assert found[0] == found[1] != found[2]

    def test_more_directions_find_what_one_may_miss(self):
        asked = []

        def value(w):
            asked.append(w.copy())
            return float(w.sum())

        for directions in (1, 7):
            asked.clear()
            check_gradient(value, np.ones_like, np.ones(1), directions=directions)
            assert len(asked) == 2 * directions + 2
        asked.clear()
        check_gradient(value, np.ones_like, np.ones(1))
        assert len(asked) == 2 * 10 + 2

    def test_the_steps_grow_with_the_numbers(self):
        for size in (0.0, 1.0, 1e10):
            assert check_gradient(lambda w: float(w @ w), lambda w: 2 * w, np.array([size, -size])).error < 1e-9

    @pytest.mark.parametrize("size", [1, 2, 3, 100, 1001])
    def test_one_wrong_number_of_many_is_found(self, size):
        rng = np.random.default_rng(size)
        for i in {0, size // 3, size - 1}:
            w = {"none": np.zeros((0, 2)), "w": rng.standard_normal(size), "last": np.array(2.0)}
            gradient = {"none": np.zeros((0, 2)), "w": np.cos(w["w"]), "last": 4.0}
            gradient["w"][i] += 1e-4
            found = check_gradient(
                lambda w: float(np.sin(w["w"]).sum() + w["last"] ** 2), lambda w, g=gradient: g, w, rng=rng
            )
            assert found.place == f"w[{i}]"
            assert found.error == pytest.approx(1e-4 / 4.0, rel=1e-4)

    def test_names_and_places(self):
        for w, place in (
            ({"a": [np.ones(2), np.array(3.0)], "b": np.ones(2)}, "a.1"),
            ([np.zeros((0, 3)), np.array(3.0)], "1"),
            (3.0, "w"),
            (np.array([[3.0]]), "w[0, 0]"),
        ):
            found = check_gradient(cube_of_3, zero_for_3, w)
            assert found.place == place
            assert found.gradient == 0.0
            assert found.difference == pytest.approx(27.0)
            assert found.error == pytest.approx(27.0)

    def test_where_there_is_no_number_nothing_is_wrong(self):
        for w in (np.zeros((0, 3)), {"a": np.zeros(0)}, {}, []):
            assert check_gradient(np.sum, np.ones_like, w) == (0.0, "", 0.0, 0.0)

    def test_nan_is_the_worst(self):
        value, gradient = (lambda w: np.log(w).sum()), (lambda w: 1 / w)
        assert np.isnan(check_gradient(value, gradient, np.array([1.0, -1.0])).error)
        found = check_gradient(np.sum, lambda w: np.array([5.0, 1.0, np.nan, 1.0]), np.ones(4))
        assert found.place == "w[2]"
        assert np.isnan(found.error)
        assert np.isnan(found.gradient)
        assert found.difference == pytest.approx(1.0)

    def test_w_may_be_read_only(self):
        w = np.ones(3)
        w.flags.writeable = False
        assert check_gradient(lambda w: float(w @ w) / 2, lambda w: w, w).error < 1e-9

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"rng": "a"}, TypeError, "rng must be a numpy.random.Generator, a seed or None; got 'a'"),
            ({"directions": 0}, ValueError, "directions must be a whole number of at least 1; got 0"),
            ({"directions": 1.5}, TypeError, "directions must be a whole number of at least 1; got 1.5"),
        ],
    )
    def test_errors_say_what_is_allowed(self, options, error, message):
        with pytest.raises(error, match=message):
            check_gradient(np.sum, np.ones_like, np.ones(2), **options)


def test_a_gradient_of_another_shape_is_refused():
    class Wrong(Bowl):
        def gradient(self, w):
            return np.ones(3)

    with pytest.raises(ValueError, match=r"the gradient must have the shapes of w, \[\(2,\)\]; got \[\(3,\)\]"):
        checked(Wrong(), np.ones(2))
