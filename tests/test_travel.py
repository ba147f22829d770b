"""An optimizer travels: copied, pickled or sent to another process it goes on as the same optimizer, on its own."""

import copy
import multiprocessing
import pickle
import threading
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from optimlab import Accumulate, ClipNorm, Ema, Optimizer, adam, momentum, sgd
from tests.engine.laws import RULES
from tests.hooks.test_hooks import EVERY as HOOKS
from tests.hooks.test_hooks import FUSED, options_of
from tests.schedules.test_schedules import EVERY as SCHEDULES

SHAPES = {"w": (3, 4), "large": (3, 3000)}
FIRST = np.arange(8.0)[:, np.newaxis]
RATES = [schedule for schedule in SCHEDULES if np.all(schedule(FIRST) >= 0.0) and np.size(schedule(0)) == 1]


def fresh(hook):
    """A hook that no other optimizer has."""
    return type(hook)(**options_of(hook))


TABLE = {f"rule {name}": lambda rule=rule: Optimizer(rule, 0.1) for name, rule in RULES.items()}
TABLE |= {f"hook {hook!r}": lambda hook=hook: Optimizer(adam(), 0.1, hooks=[fresh(hook)]) for hook in HOOKS}
TABLE |= {f"lr {lr!r}": lambda lr=lr: Optimizer(momentum(), lr) for lr in RATES}
TABLE |= {f"β {lr!r}": lambda lr=lr: Optimizer(Ema(0.25 * lr), 0.1) for lr in RATES}
TABLE |= {
    f"engine {engine}": lambda engine=engine: Optimizer(adam(), 0.1, engine=engine) for engine in ("auto", "numpy")
}
TABLE |= {
    "average": lambda: Optimizer(adam(), 0.1, average=Ema(0.9)),
    "late average": lambda: Optimizer(adam(), 0.1, average=Ema(0.9), hooks=[fresh(HOOKS[6])]),
    "many": lambda: Optimizer(adam(), 0.1, average=Ema(0.9), hooks=[ClipNorm(1.0), Accumulate(2)]),
    "replicas": lambda: Optimizer(adam([0.5, 0.9, 0.99]), [0.1, 0.2, 0.3], replicas=3, average=Ema(0.9)),
}
TABLE |= {
    "groups": lambda: Optimizer(
        {"w": momentum(), "*": adam()}, {"w": 0.2, "*": 0.1}, average={"w": None, "*": Ema(0.9)}
    ),
    "frozen": lambda: Optimizer({"w": None, "*": adam()}, 0.1, hooks=[fresh(HOOKS[0])]),
}
CASES = [*TABLE, pytest.param("engine fused", marks=FUSED)]
TABLE["engine fused"] = lambda: Optimizer(adam(), 0.1, engine="fused", average=Ema(0.5))
WAYS = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda optimizer: pickle.loads(pickle.dumps(optimizer)),
}


def gradients(k):
    return {name: np.sin(k + np.arange(float(np.prod(shape)))).reshape(shape) for name, shape in SHAPES.items()}


def go_on(optimizer, params, steps):
    for k in steps:
        optimizer.step(params, gradients(k), loss=1.0 + k)
    return params


def started(case):
    optimizer, params = TABLE[case](), {name: np.ones(shape) for name, shape in SHAPES.items()}
    return optimizer, go_on(optimizer, params, range(3))


def same(one, two):
    return one.keys() == two.keys() and all(np.array_equal(one[key], two[key]) for key in one)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", CASES)
def test_a_copy_goes_on_alone(case, way):
    optimizer, params = started(case)
    twin, theirs = WAYS[way](optimizer), copy.deepcopy(params)
    assert repr(twin) == repr(optimizer) or "lambda" in repr(optimizer)
    at = copy.deepcopy(optimizer.state_dict())
    go_on(twin, theirs, range(3, 7))
    assert same(optimizer.state_dict(), at)
    kept = twin.state_dict()
    go_on(optimizer, params, range(3, 7))
    assert same(params, theirs)
    assert same(optimizer.state_dict(), kept)
    assert same(twin.state_dict(), kept)
    assert all(mine is not other for mine, other in zip(optimizer.hooks, twin.hooks, strict=True)) or "schedule" in case


@pytest.mark.parametrize("way", [*WAYS, "together"])
def test_a_copy_inside_averaged_is_not_in_it(way):
    optimizer, params = started("average")
    with optimizer.averaged(params):
        best = copy.deepcopy(params)
        twin = copy.deepcopy((params, optimizer))[1] if way == "together" else WAYS[way](optimizer)
    go_on(twin, best, range(3, 5))
    assert (twin.t, optimizer.t) == (5, 3)


def in_the_worker(sent):
    return [(optimizer, go_on(optimizer, params, range(3, 6))) for optimizer, params in sent]


@pytest.mark.parametrize("size", [3, 9000, 70000])
def test_a_copy_takes_other_settings_before_its_first_step(size):
    params, g = {"a": np.zeros(size), "b": np.zeros(3)}, {"a": np.ones(size), "b": np.ones(3)}
    opt = Optimizer(momentum(0.5), 1.0, average=Ema(0.5), hooks=[ClipNorm(1e9)])
    opt.step(params, g)
    other = copy.copy(opt)
    other.hooks, other.lr = [], {"a": 2.0, "*": 1.0}
    other.step(params, g)
    assert (params["a"] == -0.5 - 2.0 * 0.75).all()
    assert (params["b"] == -0.5 - 0.75).all()


def test_every_optimizer_can_be_sent_to_another_process_and_back():
    ours = [started(case) for case in TABLE if case != "engine fused"]
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        theirs = pool.submit(in_the_worker, ours).result()
    for (optimizer, params), (back, moved) in zip(ours, theirs, strict=True):
        go_on(optimizer, params, range(3, 6))
        assert same(params, moved)
        assert same(optimizer.state_dict(params=False), back.state_dict(params=False))
        assert same(go_on(optimizer, params, [6]), go_on(back, moved, [6]))


def test_workers_of_joblib():
    joblib = pytest.importorskip("joblib")
    optimizer, params = started("many")
    twins = [copy.deepcopy((optimizer, params)) for _ in range(2)]
    found = joblib.Parallel(n_jobs=2)(joblib.delayed(in_the_worker)([twin]) for twin in twins)
    go_on(optimizer, params, range(3, 6))
    for ((back, moved),) in found:
        assert same(params, moved)
        assert same(optimizer.state_dict(params=False), back.state_dict(params=False))


class Waits:
    """A hook that lets others in while a step is under way."""

    def __init__(self):
        self.inside, self.leave = threading.Event(), threading.Event()

    def before(self, step):
        self.inside.set()
        assert self.leave.wait(10.0)


def test_two_threads_on_one_optimizer_are_refused_and_nothing_is_lost():
    hook, w, g = Waits(), np.zeros(2), np.ones(2)
    optimizer = Optimizer(sgd(), 1.0, hooks=[hook])
    thread = threading.Thread(target=optimizer.step, args=(w, g))
    thread.start()
    assert hook.inside.wait(10.0)
    with pytest.raises(RuntimeError, match=r"is under way, in another thread.*copy.deepcopy\(optimizer\)"):
        optimizer.step(w, g)
    hook.leave.set()
    thread.join()
    optimizer.step(w, g)
    assert (optimizer.t, w.tolist()) == (2, [-2.0, -2.0])


def test_a_step_inside_a_step_is_refused_and_the_optimizer_goes_on():
    class Steps:
        def after(self, step):
            optimizer.step(w, w)

    w = np.zeros(2)
    optimizer = Optimizer(sgd(), 1.0, hooks=[Steps()])
    for _ in range(2):
        with pytest.raises(RuntimeError, match="around this hook"):
            optimizer.step(w, np.ones(2))
    assert optimizer.t == 2


@pytest.mark.parametrize("rule", [adam(), RULES["adagrad"], RULES["scheduled"]])
def test_optimizers_of_one_rule_are_right_in_threads(rule):
    """A copy for each thread is the remedy of the error, and is followed here."""

    def run(optimizer, w):
        for k in range(100):
            optimizer.step(w, np.cos(k + w))

    first = Optimizer(rule, 0.1, average=Ema(0.9, debias=True))
    optimizers = [first, *(copy.deepcopy(first) for _ in range(2)), Optimizer(rule, 0.1, average=Ema(0.9, debias=True))]
    weights = [np.ones(50) for _ in optimizers]
    threads = [threading.Thread(target=run, args=pair) for pair in zip(optimizers, weights, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = np.ones(50)
    run(Optimizer(rule, 0.1), expected)
    assert all(np.array_equal(w, expected) for w in weights)
    assert all(same(optimizer.state_dict(params=False), first.state_dict(params=False)) for optimizer in optimizers)
