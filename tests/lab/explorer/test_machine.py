"""The machine's functions have NumPy's meaning, also of NaN, infinities and zeros of both signs."""

import numpy as np

from tests.lab.explorer.javascript import differing, run

SPECIAL = [0.0, -0.0, 1.0, -1.0, 2.5, -0.1, 5e-324, -1e308, 1e308, np.inf, -np.inf, np.nan]
ONE = "negative positive reciprocal square sqrt absolute sign"
TWO = "add subtract multiply divide maximum minimum less less_equal greater greater_equal equal not_equal"


def test_functions_are_those_of_numpy():
    a, b = (x.ravel() for x in np.meshgrid(SPECIAL, SPECIAL))
    code = """
    const { names, a, b } = data;
    const made = (name) => [new Float64Array(a.length)].map((out) => (KERNELS[name](a.length, out, a, b), out))[0];
    return names.map(made);
    """
    names = [*ONE.split(), *TWO.split()]
    for name, found in zip(names, run(code, {"names": names, "a": a, "b": b}), strict=True):
        with np.errstate(all="ignore"):
            known = getattr(np, name)(*([a] if name in ONE.split() else [a, b]))
        assert differing(found, known) == 0, name


def test_a_choice_takes_what_is_not_zero_for_true():
    code = "const out = new Float64Array(4); KERNELS.where(4, out, data[0], data[1], data[2]); return out;"
    mark, x, y = np.array([0.0, 1.0, 0.0, 1.0]), np.arange(4.0), -np.arange(4.0)
    assert differing(run(code, [mark, x, y]), np.where(mark, x, y)) == 0


def test_numbers_reach_all_lanes_and_a_program_runs_in_place():
    code = """
    const program = traced((g, w, k) => [call("add", w, call("multiply", k, call("subtract", g, w)))], 2, 1);
    const [g, w] = [new Float64Array(padded(5)).fill(4), new Float64Array(padded(5)).fill(2)];
    const machine = new Machine(program, 5).bind([g, w]);
    machine.number(0, 0.5);
    machine.run();
    machine.number(0, 0.25);
    machine.run();
    return [w, machine.kernels.length];
    """
    w, calls = run(code)
    assert w.tolist() == [3.25] * 8
    assert calls == 1  # the three calls of a mean are one
