"""Paths have the bits of Python's Optimizer: noise, clipping, schedules, many starts; and the basins they end in."""

import numpy as np
import pytest

from optimlab import ClipNorm, ClipValue, Optimizer
from optimlab.lab.frame.expressions import rule, schedules
from optimlab.lab.play.surfaces import scene
from optimlab.lab.problems import Noisy, TwelveUniforms
from tests.lab.explorer.javascript import differing, run

DESCEND = """
const rateOf = (text) => (k) => readRule(`${text} * Gradient()`).coefficients(k + 1)[0];
return data.map(({ rule, surface, rate, ...rest }) => {
  const told = { rule: readRule(rule), surface: readSurface(surface), rate: rateOf(rate), ...rest };
  const { x, y, f, size, state, diverged } = descend(told);
  return { x, y, f, size, diverged, state: Object.values(state) };
});
"""


def python(case):
    """x, y and f of Python's Optimizer: (steps + 1, lanes); and both coordinates of the first lane's state."""
    known, starts = scene(case["surface"]).surface, np.array(case["starts"])
    noise, (make,) = case.get("noise"), schedules(case["rate"]).values() if "(" in case["rate"] else [None]
    hooks = [ClipValue(case["clipValue"])] if "clipValue" in case else []
    hooks += [ClipNorm(case["clipNorm"])] if "clipNorm" in case else []
    paths, states = [], []
    for start in starts:
        problem = Noisy(known, TwelveUniforms(noise["sd"]), noise["seed"]) if noise else known
        optimizer = Optimizer(rule(case["rule"]), make(case["steps"]) if make else float(case["rate"]), hooks=hooks)
        w, path, state = start.copy(), [start.copy()], []
        for _ in range(case["steps"]):
            optimizer.step(w, problem.gradient(w))
            path.append(w.copy())
            state.append([slot.copy() for slot in optimizer.state[next(iter(optimizer.state))].values()])
        paths.append(path)
        states.append(state)
    w = np.array(paths).transpose(1, 0, 2)
    return w[..., 0], w[..., 1], known.value(w), np.array(states[0])


def check(cases):
    for case, page in zip(cases, run(DESCEND, cases), strict=True):
        x, y, f, state = python(case)
        size = np.hypot(np.diff(x, axis=0), np.diff(y, axis=0))
        for name, known in (("x", x), ("y", y), ("f", f)):
            assert differing(page[name].reshape(known.shape), known) == 0, (case["rule"], name)
        for i, slot in enumerate(page["state"]):
            assert differing(slot.reshape(-1, 2)[1:], state[:, i]) == 0, (case["rule"], i)
        np.testing.assert_allclose(page["size"].reshape(f.shape)[1:], size, rtol=1e-13)
        assert (page["diverged"] == -1).all()


STARTS = [[-1.2, 1.0], [0.5, -0.25], [2.0, 2.0]]
PLAIN = {"rule": "adam", "surface": "rosenbrock", "rate": "0.01", "starts": STARTS, "steps": 300}
CASES = [
    PLAIN,
    PLAIN | {"rate": "warm_up(cosine_decay(0.1, steps=250), steps=20)", "rule": "adamw(weight_decay=0.1)"},
    PLAIN | {"noise": {"sd": 0.5, "seed": 3}},
    PLAIN | {"noise": {"sd": 0.5, "seed": 4}, "clipNorm": 1.5, "clipValue": 1.25},
    PLAIN | {"rule": "heavy_ball", "clipNorm": 0.5},
    PLAIN | {"rule": "nesterov(0.5)", "clipValue": 0.5},
    PLAIN | {"rule": "sgd", "clipNorm": 1.0, "surface": "1e200*x + y"},  # squares overflow
    PLAIN | {"rule": "sgd", "clipNorm": 1e-250, "starts": [[1e-200, 1e-200]], "surface": "ravine"},  # underflow
    PLAIN
    | {"rule": "(Rate() * Gradient() | Trace(0.9)) / Rate() + 0.1 * Weights()", "rate": "linear(0.0001, steps=99)"},
    PLAIN | {"rule": "Ema(linear(0.5, steps=99, final=0.9), debias=True) | Sign()", "surface": "rastrigin"},
    PLAIN | {"rule": "(Gradient() * Weights() - Square()) + 0.5 * (Gradient() * Weights() - Square()) | Sign()"},
    PLAIN | {"rule": "adam(eps=EpsHat(1e-8, 0.999))", "surface": "cliff", "rate": "exponential_decay(0.1, 0.99)"},
]


def test_a_path_is_that_of_python():
    check(CASES[3:4])


@pytest.mark.slow
def test_paths_are_those_of_python():
    check(CASES)


@pytest.mark.slow
def test_every_named_rule_is_that_of_python_with_noise_and_clipping():
    told = {
        "noise": {"sd": 0.1, "seed": 1},
        "clipNorm": 0.8,
        "steps": 100,
        "starts": STARTS[:1],
        "surface": "himmelblau",
    }
    check([PLAIN | told | {"rule": text} for text in run("return RULES.map((entry) => ruleText(entry, {}));")])


def test_a_lane_does_not_see_the_others():
    starts = np.random.default_rng(0).uniform(-2.0, 2.0, (301, 2)).tolist()
    some = [0, 1, 127, 128, 255, 300]
    whole, *alone = run(DESCEND, [PLAIN | {"starts": given} for given in [starts, *([starts[i]] for i in some)]])
    for i, one in zip(some, alone, strict=True):
        for name in ("x", "y", "f", "size"):
            assert differing(whole[name].reshape(-1, 301)[:, i], one[name]) == 0, (i, name)


def test_a_lane_that_diverges_stops_and_the_others_go_on():
    case = {"rule": "sgd", "surface": "ravine", "rate": "0.03", "starts": [[1.0, 0.0], [1.0, 1.0]], "steps": 100}
    (page,) = run(DESCEND, [case])
    last = int(np.ceil(np.log(1e9) / np.log(2.0)))  # y grows by -2 a step, as 1 - lr 100 is
    assert page["diverged"].tolist() == [-1, last]
    y = page["y"].reshape(-1, 2)[:, 1]
    assert np.isfinite(y[: last + 1]).all()
    assert np.isnan(y[last + 1 :]).all()
    assert np.isfinite(page["x"].reshape(-1, 2)[:, 0]).all()


def test_an_infinite_gradient_is_no_gradient_of_the_size_of_the_limit():
    case = {"rule": "sgd", "surface": "1e300*x**3 + y", "rate": "0.1", "starts": [[1e5, 0.0]], "steps": 3}
    (page,) = run(DESCEND, [case | {"clipValue": 1.0}])
    assert page["diverged"].tolist() == [1]


BASINS = """
const { rule, surface, rate, steps, nx, ny } = data;
const told = { rule: readRule(rule), surface: readSurface(surface), rate: () => rate, nx, ny };
const rows = [...basins({ ...told, steps, row: startRows({ ...told, box: told.surface.box }) })];
const { starts } = startRows({ ...told, box: told.surface.box })(ny - 1);
const { x, y } = descend({ ...told, starts, steps });
const [last, minima] = [[x.slice(-nx), y.slice(-nx)], told.surface.minima.map(({ at }) => at)];
return { end: rows.map(({ end }) => end), when: rows.map(({ when }) => Array.from(when)), last, minima };
"""


def test_a_basin_is_the_minimum_that_its_start_ends_in():
    page = run(BASINS, {"rule": "sgd", "surface": "himmelblau", "rate": 0.01, "steps": 300, "nx": 23, "ny": 5})
    assert set(np.unique(page["end"])) == {0, 1, 2, 3}
    last, minima = np.array(page["last"]).T, np.array(page["minima"])
    nearest = np.linalg.norm(last[:, None] - minima, axis=-1).argmin(axis=1)
    assert page["end"][-1].tolist() == nearest.tolist()
    assert np.max(page["when"]) < 300


def test_who_leaves_a_saddle_is_gone_and_who_is_slow_is_under_way():
    gone = run(BASINS, {"rule": "heavy_ball", "surface": "saddle", "rate": 0.1, "steps": 300, "nx": 4, "ny": 4})
    slow = run(BASINS, {"rule": "sgd", "surface": "rosenbrock", "rate": 1e-5, "steps": 20, "nx": 4, "ny": 4})
    assert np.unique(gone["end"]).tolist() == [-1]
    assert np.unique(slow["end"]).tolist() == [-2]


def test_who_swings_through_a_minimum_has_not_arrived():
    rate = (2.0 * np.pi / 160.0) ** 2 / 2.0  # at the minimum at the steps 40, 120, 200, 280, when the map looks
    told = {"rule": "Trace(1.0)", "surface": "x**2 + y**2", "rate": rate, "steps": 300, "nx": 40, "ny": 1}
    assert run(BASINS, told)["end"][0][:15].tolist() == [-2] * 15  # those in the middle never leave it


def test_a_map_over_lr_and_beta_shows_where_the_heavy_ball_is_stable():
    code = """
    const entry = RULES.find(({ name }) => name === "heavy_ball");
    const rules = data.betas.map((beta) => readRule(ruleText(entry, { beta })));
    const row = rateRows({ rules, rate: () => 1, factors: data.rates, start: [0.5, 0.3] });
    return [...basins({ surface: readSurface("ravine"), steps: 3000, ny: rules.length, row })].map(({ end }) => end);
    """
    betas, rates = [0.0, 0.3, 0.6, 0.9], np.geomspace(0.01, 0.1, 23)
    end = np.array(run(code, {"betas": betas, "rates": rates}))
    limit = 2.0 * (1.0 + np.array(betas)) / 100.0  # the largest curvature is 100
    assert end.tolist() == np.where(rates < limit[:, None], 0, -1).tolist()


@pytest.mark.parametrize("fall", [0.0, 0.001])
def test_a_lane_of_a_map_has_its_share_of_the_learning_rate(fall):
    code = """
    const told = { rule: readRule("(Rate() * Gradient() | Trace(0.9)) / Rate()"), surface: readSurface("beale") };
    const rate = (k) => 0.05 - data.fall * k;
    const lanes = new Lanes(told, [[1, 1], [1, 1], [1, 1]], [0.5, 0.25, 0.125]).kept([0, 2]);
    for (let k = 0; k < 50; k++) { lanes.look(); lanes.step(told.rule.coefficientRows(50), rate(k), k); }
    const one = descend({ ...told, rate: (k) => 0.125 * rate(k), starts: [[1, 1]], steps: 50 });
    return [lanes.w[1], one.x[50], lanes.names];
    """
    lane, alone, names = run(code, {"fall": fall})
    assert lane == alone
    assert names.tolist() == [0, 2]
