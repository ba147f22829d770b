"""Every hook through what must be true of all of them."""

import copy
import dataclasses
import pickle
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from optimlab import (
    Accumulate,
    Ball,
    Box,
    ClipEach,
    ClipNorm,
    ClipValue,
    DistanceOverGradients,
    DistanceOverWeightedGradients,
    EarlyStop,
    Ema,
    IndependentDecay,
    LearningRateDecay,
    Lookahead,
    Optimizer,
    Plateau,
    Points,
    PolyakStep,
    Prodigy,
    Project,
    Record,
    Simplex,
    SkipLarge,
    SkipNonFinite,
    UniformGain,
    WeightDecay,
    adam,
    constant,
    gpa,
    linear,
    momo,
    momo_adam,
    sgd,
)
from tests.hooks.steps import Skipping, a_step
from tests.public import NAMES

FUSED = pytest.mark.skipif(find_spec("numba") is None, reason="numba is not installed")
EVERY = [
    ClipNorm(1.0),
    ClipEach(1.0),
    ClipValue(0.5),
    LearningRateDecay(linear(1.0, steps=20)),
    Plateau(0.5, 2),
    WeightDecay(0.1),
    IndependentDecay(0.1),
    SkipNonFinite(2),
    SkipLarge(2.0),
    Accumulate(2),
    EarlyStop(3),
    Project(Ball(1.0)),
    Project(Box(-0.5, 0.5)),
    Project(Box(low=0.0)),
    Project(Simplex()),
    Lookahead(2),
    Points(0.9, UniformGain()),
    gpa(0.8, 0.9),
    PolyakStep(),
    momo(0.8),
    momo_adam(0.8, 0.9),
    DistanceOverGradients(1e-2),
    DistanceOverWeightedGradients(),
    Prodigy(first=1e-2),
    Record(),
]


def gradients_and_start(steps=9, replicas=3, n=4, dtype=float):
    """Gradients of size about 1 for each step and replica, and where to start."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((steps, replicas, n)).astype(dtype), rng.standard_normal((replicas, n)).astype(dtype)


def loss_of(g):
    return float(np.abs(g).sum()) if g.ndim == 1 else np.abs(g).sum(axis=1)


def optimizer_with(*hooks, **options):
    return Optimizer(adam(), options.pop("lr", 0.3), hooks=[copy.deepcopy(hook) for hook in hooks], **options)


def run(optimizer, w, gradients):
    for g in gradients:
        optimizer.step(w, g.copy(), loss=loss_of(g))
    return w


@pytest.mark.parametrize("hook", EVERY, ids=repr)
class TestEveryHook:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_a_replica_is_the_run_alone(self, hook, dtype):
        gradients, start = gradients_and_start(dtype=dtype)
        together = run(optimizer_with(hook, replicas=3), start.copy(), gradients)
        alone = [run(optimizer_with(hook), start[i].copy(), gradients[:, i]) for i in range(3)]
        assert together.dtype == dtype
        assert np.array_equal(together, alone)

    def test_it_works_on_views_as_on_arrays(self, hook):
        gradients, start = gradients_and_start()
        w = np.repeat(start[0], 2)[::2]
        assert np.array_equal(
            run(optimizer_with(hook), w, gradients[:, 0]), run(optimizer_with(hook), start[0], gradients[:, 0])
        )

    def test_gradients_are_never_written_to(self, hook):
        gradients, start = gradients_and_start()
        gradients.flags.writeable = False
        optimizer = optimizer_with(hook)
        for g in gradients[:, 0]:
            optimizer.step(start[0], g, loss=1.0)

    @pytest.mark.parametrize("replicas", [None, 3])
    def test_skipped_steps_are_as_if_they_had_not_been(self, hook, replicas):
        gradients, start = gradients_and_start(steps=12)
        marks = np.random.default_rng(1).random((12, 3)) < 0.4
        gradients = np.where(marks[..., None], np.nan, gradients)
        if replicas is None:
            gradients, marks, start = gradients[:, :1], marks[:, :1], start[:1]
            skipping = optimizer_with(Skipping(marks[:, 0].tolist()), hook)
            found = run(skipping, start[0].copy(), gradients[:, 0])[None]
            rates = [skipping.lr]
        else:
            skipping = optimizer_with(Skipping(list(marks)), hook, replicas=3)
            found = run(skipping, start.copy(), gradients)
            rates = np.broadcast_to(skipping.lr, 3)
        for i, rate in enumerate(rates):
            alone = optimizer_with(hook)
            assert np.array_equal(found[i], run(alone, start[i].copy(), gradients[~marks[:, i], i]))
            assert rate == alone.lr or marks[-1, i]

    @pytest.mark.parametrize("replicas", [None, 3])
    def test_an_idle_step_is_left_as_it_is(self, hook, replicas):
        step = a_step([[30.0, np.nan]] * 3, skip=np.ones(3, bool) if replicas else True, replicas=replicas)
        given = step.gradients
        if hasattr(hook, "before"):
            copy.deepcopy(hook).before(step)
        assert step.gradients is given
        assert step.scale == 1.0
        assert np.all(step.skip)
        assert step.checked is None

    @pytest.mark.parametrize("replicas", [None, 3])
    @pytest.mark.parametrize("way", ["load", "pickle", "deepcopy"])
    def test_going_on_is_not_stopping(self, hook, replicas, way, tmp_path):
        gradients, start = gradients_and_start()
        if replicas is None:
            gradients, start = gradients[:, 0], start[0]
        whole = run(optimizer_with(hook, replicas=replicas), start.copy(), gradients)
        first, w = optimizer_with(hook, replicas=replicas), start.copy()
        run(first, w, gradients[:5])
        first.save(tmp_path / "run.npz")
        if way == "load":
            second = optimizer_with(hook, replicas=replicas)
        else:
            copied = {"pickle": lambda x: pickle.loads(pickle.dumps(x)), "deepcopy": copy.deepcopy}[way](first.hooks[0])
            second = optimizer_with(copied, replicas=replicas)
        second.load(tmp_path / "run.npz")
        theirs = w.copy()
        run(first, w, gradients[:3])  # what the first does now is none of the second's business
        assert np.array_equal(run(second, theirs, gradients[5:]), whole)

    @pytest.mark.parametrize("engine", ["numpy", pytest.param("fused", marks=FUSED)])
    @pytest.mark.parametrize("size", [4, 9000])
    @pytest.mark.parametrize("replicas", [None, 3])
    def test_the_average_is_of_the_weights_after_the_step(self, hook, replicas, size, engine):
        """m + (k (w - m) + r) of the weights as a user sees them, to the bit."""
        gradients, start = gradients_and_start(steps=5, n=size)
        if replicas is None:
            gradients, start = gradients[:, 0], start[0]
        rule = Ema(UniformGain())
        optimizer = optimizer_with(hook, replicas=replicas, average=rule, engine=engine)
        w, mean, rest = start.copy(), np.zeros_like(start), np.zeros_like(start)
        for g in gradients:
            before = np.broadcast_to(optimizer.t, w.shape[:-1])
            optimizer.step(w, g, loss=loss_of(g))
            moved = np.broadcast_to(optimizer.t, w.shape[:-1]) > before
            k = np.array([rule.coefficients(t)[0] if t else 0.0 for t in np.ravel(optimizer.t + 0 * before)])
            step = k.reshape(*before.shape, 1) * (w - mean) + rest
            new = np.where(moved[..., None], mean + step, mean)
            mean, rest = new, np.where(moved[..., None], step - (new - mean), rest)
        if np.any(optimizer.t):
            kept = w.copy()
            with optimizer.averaged(w):
                assert np.array_equal(w, mean)
            assert np.array_equal(w, kept)

    def test_it_says_whether_it_moves_weights_after_the_sweep(self, hook):
        gradients, start = gradients_and_start()
        says = getattr(hook, "moves_weights", hasattr(hook, "after"))
        mine, step = copy.deepcopy(hook), a_step(gradients[0, 0], t=2, loss=1.0)
        step.params[0][...] = start[0]
        if hasattr(mine, "before"):
            mine.before(step)
        step.params[0][...] = before = 3.0 * start[0]
        if hasattr(mine, "after"):
            mine.after(step)
        assert says == (not np.array_equal(step.params[0], before))

    def test_its_state_is_a_copy(self, hook):
        if not hasattr(hook, "state"):
            return
        gradients, start = gradients_and_start()
        optimizer = optimizer_with(hook, replicas=3)
        run(optimizer, start, gradients[:1])
        (mine,) = optimizer.hooks
        given = mine.state()
        kept = copy.deepcopy(given)
        mine.load_state(given)
        for array in given.values():
            array[...] = 7
        assert all(np.array_equal(array, kept[name]) for name, array in mine.state().items())

    def test_the_repr_rebuilds_it(self, hook):
        rebuilt = eval(repr(hook), NAMES.copy())
        assert repr(rebuilt) == repr(hook)
        assert type(rebuilt) is type(hook)

    def test_it_is_itself_alone(self, hook):
        assert hook == hook
        assert hash(hook) == hash(hook)
        assert hook != copy.deepcopy(hook) or isinstance(hook, LearningRateDecay)  # which holds nothing but a value

    def test_what_it_keeps_is_no_argument(self, hook):
        for field in dataclasses.fields(hook):
            kept = field.name.startswith("_") or field.name in ("norm", "in_a_row", "total")
            assert (field.init, field.repr) == (not kept, not kept)

    def test_hyperparameters_may_be_schedules_or_one_for_each_replica(self, hook):
        gradients, start = gradients_and_start()
        expected = run(optimizer_with(hook, replicas=3), start.copy(), gradients)
        for name in getattr(hook, "ranges", {}):
            number = getattr(hook, name)
            for given in (constant(number), lambda k, x=number: x, [number] * 3):
                other = type(hook)(**options_of(hook) | {name: given})
                assert np.array_equal(run(optimizer_with(other, replicas=3), start.copy(), gradients), expected)

    def test_what_is_assigned_is_checked_and_counts(self, hook):
        if isinstance(hook, LearningRateDecay):  # a value
            return
        mine = copy.deepcopy(hook)
        with pytest.raises(AttributeError, match=f"{type(hook).__name__} has no setting 'max_nrom'; it has "):
            mine.max_nrom = 1.0
        for name, given in options_of(hook).items():
            for wrong in (outside(hook, name), np.nan, 3j):
                with pytest.raises((TypeError, ValueError), match=f"^{name} must be "):
                    setattr(mine, name, wrong)
            assert getattr(mine, name) == given
            setattr(mine, name, given)
            assert getattr(mine, name) == given
            if name in getattr(hook, "ranges", {}):
                setattr(mine, name, [given] * 3)
                assert getattr(mine, name) == (given,) * 3

    def test_what_a_schedule_gives_is_held_to_the_range(self, hook):
        gradients, start = gradients_and_start()
        for name, allowed in getattr(hook, "ranges", {}).items():
            bad = {1.5: TypeError} if allowed.whole else {}
            outer = outside(hook, name)
            for number, error in ({outer: ValueError, np.nan: ValueError, "a": TypeError} | bad).items():
                other = type(hook)(**options_of(hook) | {name: lambda k, x=number: x})
                with pytest.raises(error, match=f"{name}, from its schedule at k = [01], must be "):
                    run(optimizer_with(other), start[0].copy(), gradients[:, 0])

    def test_a_number_that_a_schedule_must_not_give_leaves_no_trace(self, hook):
        """The step is refused before anything moves: weights, state of the rule and of the hook."""
        gradients, start = gradients_and_start()
        names = ["schedule"] if isinstance(hook, LearningRateDecay) else list(getattr(hook, "ranges", {}))
        for name in names:
            good = getattr(hook, name)
            held, bad = good(0) if callable(good) else good, outside(hook, name)
            given = lambda k, x=held, bad=bad: x if k < 2 else bad  # noqa: E731
            optimizer, w = optimizer_with(type(hook)(**options_of(hook) | {name: given})), start[0].copy()
            steps = iter(gradients[:, 0].repeat(2, axis=0))
            while optimizer.t < 2:
                optimizer.step(w, next(steps), loss=1.0)
            before = w.copy(), optimizer.state_dict()
            with pytest.raises(ValueError, match=f"{name}, .*at k = 2, must be "):
                optimizer.step(w, next(steps), loss=1.0)
            assert optimizer.t == 2
            assert np.array_equal(w, before[0])
            assert all(np.array_equal(before[1][key], x) for key, x in optimizer.state_dict().items())


def outside(hook, name):
    """A number that the hyperparameter must not be."""
    return np.inf if -1.0 in getattr(hook, "ranges", {}).get(name, ()) else -1.0


def options_of(hook):
    """The arguments that make a hook."""
    return {field.name: getattr(hook, field.name) for field in dataclasses.fields(hook) if field.init}


RANGED = [*EVERY[:-1], Box(-1.0, 1.0), Ball(1.0), Simplex()]


@pytest.mark.parametrize("thing", RANGED, ids=repr)
def test_hyperparameters_are_checked_when_they_are_given(thing):
    for name, allowed in getattr(thing, "ranges", {}).items():
        wrong = {True: TypeError, "a": TypeError, 1j: TypeError, np.nan: ValueError, (): ValueError}
        wrong |= {((1.0, 2.0), (1.0, 2.0)): ValueError, (1.0, (2.0, 3.0)): TypeError, (1.0, np.nan): ValueError}
        wrong |= {1.5: TypeError} if allowed.whole else {}
        wrong |= {np.inf: ValueError} if "infinite" not in allowed.words and np.inf not in allowed else {}
        for given, error in wrong.items():
            with pytest.raises(error, match=f"^{name} must be "):
                type(thing)(**options_of(thing) | {name: given})


def test_defaults():
    assert options_of(Lookahead()) == {"k": 5.0, "share": 0.5}
    assert options_of(Plateau()) == {
        "factor": 0.1,
        "patience": 10.0,
        "rtol": 1e-4,
        "cooldown": 0.0,
        "lowest": 0.0,
        "mode": "min",
    }
    assert options_of(Accumulate(2)) == {"k": 2.0, "reduction": "mean"}
    assert options_of(SkipNonFinite()) == {"max_in_a_row": 5.0}
    assert options_of(Record()) == {"every": 1, "clip": None}
    assert options_of(Simplex()) == {"total": 1.0}


def test_a_limit_that_is_assigned_is_that_of_the_next_step():
    w, clip = np.zeros(1), ClipNorm(10.0)
    optimizer = Optimizer(sgd(), 1.0, hooks=[clip])
    clip.max_norm = 0.5
    optimizer.step(w, np.ones(1))
    assert w == -0.5


@pytest.mark.parametrize(
    "thing", [LearningRateDecay(linear(1.0, steps=3)), Box(-1.0, 1.0), Ball(1.0), Simplex()], ids=repr
)
def test_values_do_not_change(thing):
    assert thing == copy.deepcopy(thing)
    assert hash(thing) == hash(copy.deepcopy(thing))
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(thing, dataclasses.fields(thing)[0].name, 2.0)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ClipNorm(-1.0), ValueError, r"max_norm must be at least 0 \(infinite: no limit\); got -1.0"),
        (lambda: ClipEach("1"), TypeError, r"max_norm must be at least 0 \(infinite: no limit\); got '1'"),
        (lambda: ClipValue([1.0, -1.0]), ValueError, "limit must be at least 0"),
        (lambda: SkipLarge(0.0), ValueError, "max_norm must be greater than 0; got 0.0"),
        (lambda: WeightDecay(-0.1), ValueError, "rate must be at least 0 and finite; got -0.1"),
        (lambda: WeightDecay(0.1, only=3), TypeError, "only must be a name, or a sequence of names"),
        (lambda: WeightDecay(0.1, only=[]), TypeError, "only must be a name, or a sequence of names"),
        (lambda: IndependentDecay(0.1, only=3), TypeError, "only must be a name, or a sequence of names"),
        (lambda: IndependentDecay(1.5), ValueError, r"rate must be in \[0, 1\]; got 1.5"),
        (lambda: SkipNonFinite(1.5), TypeError, "max_in_a_row must be a whole number of at least 0"),
        (lambda: SkipNonFinite(-1), ValueError, "max_in_a_row must be a whole number of at least 0"),
        (lambda: Accumulate(0), ValueError, "k must be a whole number of at least 1 and finite; got 0.0"),
        (lambda: Accumulate(2, "max"), ValueError, "reduction must be one of 'mean', 'sum'; got 'max'"),
        (lambda: Accumulate(2, 1), TypeError, "reduction must be one of 'mean', 'sum'; got 1"),
        (lambda: LearningRateDecay(0.5), TypeError, r"schedule must be a function of k such as cosine_decay.*got 0.5"),
        (lambda: Plateau(1.0), ValueError, r"factor must be in \(0, 1\); got 1.0"),
        (lambda: Plateau(0.5, 0), ValueError, "patience must be a whole number of at least 1 and finite; got 0.0"),
        (lambda: Plateau(0.5, 1.5), TypeError, "patience must be a whole number of at least 1 and finite; got 1.5"),
        (lambda: Plateau(patience=np.inf), ValueError, "patience must be a whole number .* finite; got inf"),
        (lambda: Plateau(patience=[1, np.inf]), ValueError, "patience must be a whole number .* finite; got inf"),
        (lambda: Plateau(0.5, cooldown=-1), ValueError, "cooldown must be a whole number of at least 0"),
        (lambda: Plateau(0.5, rtol=1.0), ValueError, r"rtol must be in \[0, 1\)"),
        (lambda: Plateau(0.5, lowest=-1.0), ValueError, "lowest must be at least 0"),
        (lambda: Record(0), ValueError, "every must be a whole number of at least 1; got 0"),
        (lambda: Record(True), TypeError, "every must be a whole number of at least 1; got True"),
        (lambda: Record(1.5), TypeError, "every must be a whole number of at least 1; got 1.5"),
        (lambda: Record(clip=SkipLarge(1.0)), TypeError, "clip must be the ClipNorm, ClipEach or ClipValue"),
        (lambda: Box(1.0, -1.0), ValueError, "low must be at most high; got low=1.0, high=-1.0"),
        (lambda: Box([0.0, 1.0], [1.0, 0.0]), ValueError, r"low must be at most high; got low=\(0.0, 1.0\), high="),
        (lambda: Box(float("nan"), 1.0), ValueError, "low must be a number"),
        (lambda: Ball(-1.0), ValueError, "radius must be at least 0 and finite; got -1.0"),
        (lambda: Simplex(0.0), ValueError, "total must be greater than 0 and finite; got 0.0"),
        (lambda: Project(Ball), TypeError, "onto must be a set with nearest"),
        (lambda: Project(1.0), TypeError, "onto must be a set with nearest"),
        (lambda: Project(Ball(1.0), only=3), TypeError, "only must be a name, or a sequence of names"),
        (lambda: Lookahead(0), ValueError, "k must be a whole number of at least 1 and finite; got 0.0"),
        (lambda: Lookahead(np.inf), ValueError, "k must be a whole number of at least 1 and finite; got inf"),
        (lambda: Lookahead(3, share=1.1), ValueError, r"share must be in \[0, 1\]; got 1.1"),
    ],
)
def test_errors_say_what_is_allowed(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("room", ["hooks", "schedules", "descent"])
def test_importing_a_room_loads_only_numpy(room):
    code = (
        f"import importlib, pkgutil, sys, optimlab.{room} as room\n"
        "for module in pkgutil.iter_modules(room.__path__, room.__name__ + '.'): importlib.import_module(module.name)\n"
        "print([m for m in ('pandas', 'scipy', 'matplotlib', 'numba', 'tqdm') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
