"""The page's elementary functions, gains, corrections, schedules and random numbers have all bits of Python's."""

from functools import cache

import numpy as np
import pytest

import optimlab
from optimlab.lab.problems import TwelveUniforms
from optimlab.recurrence import elementary
from optimlab.schedules import corrections, schedule
from tests.lab.explorer.javascript import differing, run

EDGES = [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 2.0, np.inf, -np.inf, np.nan, 5e-324, 1e-310, 2.0**53, 1.7e308, 745.0, -745.0]
NAMES = {
    "logarithm": "logarithm", "exponential": "exponential", "complement": "complement", "tangentH": "tangent_h",
    "cosPi": "cos_pi", "sinPi": "sin_pi",
}  # fmt: skip
STEPS = [*range(1, 1001), 4096, 4097, 65539, 10**6, 123_456_789, 2**40 + 5]
INDICES = list(range(1201))
SEEDS = [0, 1, 42, 2**32 - 1, 2**32, 2**53 - 1, 2**64 + 1, 2**128 + 5, 2**200 + 7]
RNG = np.random.default_rng(0)
CODE = """
const part = (x) => (!Array.isArray(x) ? x : typeof x[0] === "string" ? made(x) : x.map(part));
const made = ([kind, args, words]) => {
  if (kind in SCHEDULES) return SCHEDULES[kind](args.map(part), words);
  return (GAINS[kind] || NUMBERS[kind])(...args.map(part), words);
};
const numbers = { logarithm, exponential, complement, tangentH, cosPi, sinPi };
const at = (steps, f) => Float64Array.from(steps, f);
const forms = SCHEDULE_FORMS.flatMap(({ name, parameters }) => [0.2, 0.7].map((share) => {
  const value = ({ low, high, whole }) => (whole ? Math.round : Number)(low + share * (high - low));
  return scheduleOf(name, data.lr, Object.fromEntries(parameters.map((one) => [one.name, value(one)])));
}));
return {
  functions: Object.keys(numbers).map((name) => data.numbers[name].map(numbers[name])),
  powers: data.bases.map((base, i) => power(base, data.exponents[i])),
  gains: data.gains.map(made).map((gain) => at(data.steps, (t) => gain.at(t))),
  corrections: data.corrections.map(made).map((number) => at(data.steps, (t) => number(t - 1))),
  grown: data.grown.map(made).map((gain) => at(data.indices, (k) => gain.at(k + 1))),
  schedules: data.schedules.map(made).map((schedule) => at(data.indices, schedule)),
  forms: forms.map((form) => [form.python, at(data.indices, form.at)]),
  uniform: data.seeds.map((seed) => {
    const generator = new Pcg64(BigInt(seed));
    return Float64Array.from({ length: 500 }, () => generator.random());
  }),
  noise: noiseOf(7, 100),
  tables: [GAINS, NUMBERS, SCHEDULES].map(Object.keys),
};
"""


def between(low, high):
    return float(RNG.uniform(low, high))


def whole(low, high):
    return int(RNG.integers(low, high))


def beta():
    return 1.0 - 10.0 ** between(-7, 0)


def any_float(size):
    """Floats of all sizes, infinite ones and NaN too."""
    return RNG.integers(0, 2**64, size, np.uint64).view(np.float64)


def gains():
    return [
        *[[kind, [beta()], {}] for kind in ("ConstantGain", "DebiasedGain", "FirstValueGain", "WarmUpGain")],
        ["UniformGain", [], {}],
        ["TailGain", [whole(0, 500)], {}],
        ["PowerGain", [10.0 ** between(-3, 3)], {}],
        ["ShareGain", [between(0.001, 1)], {}],
        ["InversePowerGain", [between(0, 3)], {"least": between(0, 0.01), "lag": between(0, 5), "rate": beta()}],
    ]


def numbers():
    return [
        *[[kind, [beta()], {}] for kind in ("Mass", "GradientShare", "MeanShare", "WithinMean", "Rectified", "Dozat")],
        ["Rectified", [beta(), 4.5], {}],
        ["Unrectified", [beta()], {"threshold": 6.0}],
        ["EpsHat", [1e-8, beta()], {}],
        ["After", [5, between(0, 1)], {}],
        ["Next", [["FourthRoot", [between(0, 2)], {}]], {}],
        ["SquareRoot", [], {}],
        ["HalfLife", [between(0.1, 0.95), beta()], {"steps": 1000}],
        ["PowerDecay", [between(0.1, 2)], {}],
        ["Dozat", [beta()], {"psi": between(0, 0.1)}],
    ]


def schedules():
    lr, steps = 10.0 ** between(-4, 1), whole(20, 1500)
    end = {"steps": steps, "final": lr * between(0, 0.5)}
    inner = ["cosine_decay", [lr], end]
    return [
        inner,
        ["constant", [lr], {}],
        ["linear", [lr], end],
        ["polynomial_decay", [lr], {**end, "power": between(0.1, 4)}],
        ["cosine_decay", [lr], {**end, "exponent": between(0.1, 3)}],
        ["cosine_restarts", [lr], {"steps": whole(3, 200), "growth": between(1, 3), "factor": between(0, 1)}],
        ["cosine_restarts", [lr], {"steps": whole(3, 20), "growth": float(whole(1, 3))}],
        ["cosine_wave", [lr], end],
        ["cyclic", [lr / 9, lr], {"up": whole(1, 100), "factor": between(0.3, 1), "fade": between(0.99, 1)}],
        ["cyclic", [lr / 9, lr], {"up": 17, "down": between(1, 30)}],
        ["one_cycle", [lr / 9, lr], {**end, "rise": between(0.2, 0.8)}],
        ["linear_one_cycle", [lr / 9, lr], {**end, "phases": [0.3, 0.7]}],
        ["exponential_decay", [lr, between(0, 1)], {"steps": steps}],
        ["inverse_time_decay", [lr, between(0, 5)], {"steps": steps, "power": between(0.2, 2)}],
        ["step_decay", [lr, between(0, 1)], {"steps": steps}],
        ["staircase", [inner], {"steps": whole(1, 50)}],
        ["piecewise", [[lr, lr / 3, 2 * lr]], {"at": [100, 300]}],
        ["join", [inner, lr, inner], {"at": [whole(1, 100), whole(100, 500)]}],
        ["warm_up", [inner], {"steps": whole(1, 300), "initial": lr / 7}],
        ["product", [inner, 0.3, ["product", [["step_decay", [1.0, 0.5], {"steps": 99}], inner], {}]], {}],
    ]


def grown():
    """Gains whose β is a function of the step."""
    slow = ["cosine_decay", [between(0.5, 0.9)], {"steps": 700, "final": beta()}]
    return [["DebiasedGain", [slow], {}], ["WarmUpGain", [slow], {}], ["DebiasedGain", [["Dozat", [beta()], {}]], {}]]


def drawn():
    """Arguments of everything, at random and at the edges."""
    scaled = RNG.normal(size=10_000) * 10.0 ** RNG.uniform(-3, 3, 10_000)
    given = {name: np.concatenate([EDGES, any_float(10_000), scaled]) for name in NAMES}
    given["complement"] = np.abs(given["complement"])
    bases = np.concatenate([np.repeat(EDGES, len(EDGES)), np.abs(any_float(10_000)), RNG.uniform(0, 3, 10_000)])
    exponents = np.concatenate([np.tile(EDGES, len(EDGES)), scaled, RNG.integers(-50, 50, 10_000) / 2])
    made = {"gains": gains, "corrections": numbers, "schedules": schedules, "grown": grown}
    calls = {name: [call for _ in range(4) for call in each()] for name, each in made.items()}
    seeds = [str(seed) for seed in SEEDS]
    return {"numbers": given, "bases": bases, "exponents": exponents, "seeds": seeds, "lr": 0.037, **calls}


@cache
def compared():
    """What was given, and what node found of it."""
    given = drawn()
    return given, run(CODE, {**given, "steps": STEPS, "indices": INDICES})


def part(given):
    """What Python has by a name, with arguments that may be such calls too."""
    if not isinstance(given, list) or not isinstance(given[0], str):
        return given
    kind, args, words = given
    home = next(home for home in (optimlab, corrections, schedule) if hasattr(home, kind))
    return getattr(home, kind)(*map(part, args), **words)


def test_elementary_functions():
    given, found = compared()
    for (theirs, mine), numbers in zip(NAMES.items(), found["functions"], strict=True):
        assert differing(getattr(elementary, mine)(given["numbers"][theirs]), numbers) == 0, mine
    assert differing(elementary.power(given["bases"], given["exponents"]), found["powers"]) == 0


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("gains", lambda gain: [gain.at(t) for t in STEPS]),
        ("corrections", lambda correction: [correction(t - 1) for t in STEPS]),
        ("grown", lambda gain: [gain.at(k + 1) for k in INDICES]),
        ("schedules", lambda s: s(np.array(INDICES))),
    ],
)
def test_made_by_name(name, numbers):
    given, found = compared()
    for call, values in zip(given[name], found[name], strict=True):
        assert differing(numbers(part(call)), values) == 0, call


def test_the_forms_of_the_page_are_the_schedules_that_they_say():
    _, found = compared()
    for text, values in found["forms"]:
        said = eval(text, vars(optimlab))
        assert differing([said(k) for k in INDICES], values) == 0, text


def test_random_numbers():
    _, found = compared()
    for seed, values in zip(SEEDS, found["uniform"], strict=True):
        assert differing(np.random.default_rng(seed).random(500), values) == 0, seed
    assert differing(TwelveUniforms(1.0).draw(7, (100, 2)).ravel(), found["noise"]) == 0


def test_all_that_the_page_has_is_compared():
    given, found = compared()
    for name, there in zip(("gains", "corrections", "schedules"), found["tables"], strict=True):
        assert {call[0] for call in given[name]} | {"FourthRoot"} == {*there, "FourthRoot"}, name  # it is within Next
