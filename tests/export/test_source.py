"""Texts of rules stand alone, and take NumPy's steps in every language to the last bit."""

import os
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import pytest

from optimlab import (
    After,
    Decay,
    Ema,
    Gradient,
    GradientShare,
    MeanShare,
    Norm,
    Optimizer,
    Root,
    Rule,
    Square,
    SquareRoot,
    TailGain,
    UniformGain,
    Weights,
    adam,
    cosine_decay,
    sgd,
)
from optimlab.export.coefficients import Table, coefficients, coefficients_at
from optimlab.notation.symbols import called
from optimlab.schedules.corrections import EpsHat, Next, Rectified, WithinMean
from tests.export.runners import gcc, jax_jitted, jax_steps, missing, node, torch_steps
from tests.export.texts import ALL, RATES, STEPS, Given, Softsign, differing, given, module_of, numbers, taken


def wanted(name, dtype):
    """NumPy's weights and state after each step: (steps, 1 + slots, lanes)."""
    weights, states = taken(name, dtype)
    return np.concatenate([weights[np.newaxis, 1:], states[:, 1:]]).swapaxes(0, 1)


def found(dtype, home):
    """Weights and state after each step in each language that is there, for each rule."""
    texts = {target: [ALL[name].source(target, dtype=dtype) for name in ALL] for target in ("js", "c", "torch", "jax")}
    gone = missing()
    if "node" not in gone:
        yield "js", node(texts["js"], given(dtype), home)
    if "gcc" not in gone:
        yield "c", gcc(texts["c"], given(dtype), home)
    if "torch" not in gone:
        yield "torch", [torch_steps(name, text, dtype) for name, text in zip(ALL, texts["torch"], strict=True)]
    if "jax" not in gone:
        import jax

        with jax.enable_x64(dtype == "float64"):
            yield "jax", [jax_steps(name, text, dtype) for name, text in zip(ALL, texts["jax"], strict=True)]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_no_bit_differs_from_numpys_in_a_thousand_steps(dtype, tmp_path):
    wrong = {}
    for target, runs in found(dtype, tmp_path):
        for name, run in zip(ALL, runs, strict=True):
            want = wanted(name, dtype)
            count = differing(run[:, : want.shape[1]], want)
            if count:
                wrong[target, name] = count
    assert wrong == {}
    if missing():
        pytest.skip(f"these alone were not run, they are not there: {', '.join(missing())}")


@pytest.mark.parametrize("name", ["adam", pytest.param("adabelief", marks=pytest.mark.slow)])
@pytest.mark.parametrize("target", ["torch", pytest.param("jax", marks=pytest.mark.slow)])
def test_text_in_python_takes_the_steps_one_by_one(target, name):
    peer = pytest.importorskip(target)
    module, (weights, states) = module_of(ALL[name].source(target)), taken(name, "float64")
    array = peer.tensor if target == "torch" else peer.numpy.asarray
    with nullcontext() if target == "torch" else peer.enable_x64(True):
        w = array(given("float64").weights)
        state = module.start(w)
        for t, (g, lr) in enumerate(zip(given("float64").gradients, RATES, strict=True), start=1):
            w, state = module.step(w, array(g), state, t, lr) or (w, state)
    found = np.array([np.asarray(x) for x in (w, *state)])
    assert differing(found, np.array([weights[-1], *states[:, -1]])) == 0


TRACED = [
    "adam",
    "radam",
    "nadam",
    "adopt",
    "adan",
    "adam of one beta",
    "amsgrad",
    "gains",
    "eps hat",
    "rate inside",
    "warming",
]
"""Rules in whose texts t is traced too; among them is each expression of those of the others."""


@pytest.mark.slow
def test_weights_of_jitted_jax_are_near():
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        far = {name: jax_jitted(name, ALL[name].source("jax"), traced=name in TRACED) for name in ALL}
    assert max(far.values()) <= 2e-15, far


NUMBERS = {
    "gains": Ema(UniformGain()) / (Square() | Ema(TailGain(5)) | Root(Next(EpsHat(1e-8, Decay(alpha=1e-5))))),
    "corrections": SquareRoot() * Gradient() + After(3, 0.5) * Weights() + Next(Rectified(0.99)) * Gradient(),
    "shares": GradientShare(0.95) * Gradient() + MeanShare(Decay(span=12)) * Ema(0.95) + WithinMean(0.0) * Weights(),
    "zeros": -0.0 * Gradient() + 0.0 * Weights(),
    "infinite memory": Ema(Decay(com=float("inf")), debias=True),
    "half": Ema(Decay(beta=0.25), debias=True) + Ema(0.5, debias=True) + Ema(0.0, debias=True),
}


@pytest.mark.slow
def test_numbers_have_pythons_bits():
    for name, rule in (ALL | NUMBERS).items():
        forms = coefficients(rule, STEPS)
        lasting = not any(isinstance(call.function, Table) for call in called(forms))
        for t in [
            *range(1, 300),
            *range(300, STEPS + 1, 7),
            512,
            513,
            STEPS,
            *((10**4, 999_999, 10**7 + 3) if lasting else ()),
        ]:
            want = [0.5 if i in rule.rates else float(x) for i, x in enumerate(rule.coefficients(t))]
            assert differing(np.array(coefficients_at(forms, t, 0.5, np), float), np.array(want)) == 0, (name, t)


@pytest.mark.parametrize("target", ["torch", "jax"])
def test_numbers_of_texts_in_python_have_its_bits(target):
    pytest.importorskip(target)
    for name in ("radam", "nadam", "adopt", "warming", "rate inside"):
        module, want = module_of(ALL[name].source(target)), numbers(name)
        for t in (1, 2, 3, 5, 6, 255, 256, 257, 512, 513, 700, 999, 1000):
            found = module.numbers(t, RATES[t - 1])[: len(want)]
            assert differing(np.array(found, float), want[:, t - 1]) == 0


@pytest.mark.parametrize("before", [255, 256, 70_000, 10**7 + 3])
def test_compiled_languages_know_the_gain_of_any_step(before, tmp_path):
    run = Given(np.zeros(1), np.ones((3, 1)), [1.0] * 3, before)
    m, want = 0.0, []
    for t in range(before + 1, before + 4):
        m += Ema(0.9999, debias=True).coefficients(t)[0] * (1.0 - m)
        want.append(m)
    for target, tool, runner in (("js", "node", node), ("c", "gcc", gcc)):
        if tool not in missing():
            found = runner([Ema(0.9999, debias=True).source(target)], run, tmp_path)[0]
            assert differing(found[:, 1, 0], np.array(want)) == 0


def test_the_formula_steps_as_an_optimizer_does():
    w = given("float64").weights.copy()
    optimizer = Optimizer(ALL["adam"], lr=lambda k: RATES[k])
    for g in given("float64").gradients:
        optimizer.step(w, g)
    assert differing(w, taken("adam", "float64")[0][-1]) == 0


@pytest.mark.slow
@pytest.mark.parametrize(("target", "call"), [
    ("torch", "w = torch.ones(2, dtype=torch.float64); s = start(w); step(w, w * 3, s, 1, 0.5); print(w)"),
    ("jax", "w = jnp.ones(2); w, s = step(w, w * 3, start(w), 1, 0.5); print(w)"),
])  # fmt: skip
def test_text_needs_no_optimlab(target, call, tmp_path):
    pytest.importorskip(target)
    text = (Ema(0.9, debias=True) | Softsign(2.0)).source(target)
    program = f"import sys; sys.modules['optimlab'] = None\n{text}\n{call}"
    (tmp_path / "rule.py").write_text(program, encoding="utf-8")
    environment = {name: x for name, x in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-I", "rule.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "0.7" in done.stdout, done.stderr  # 1 - 3/(2 + 3)/2


@pytest.mark.parametrize("target", ["js", "c", "torch", "jax", "latex"])
def test_head_says_what_it_is(target):
    text = (cosine_decay(0.1, steps=9) * adam()).source(target, steps=12)
    assert repr(cosine_decay(0.1, steps=9) * adam()) in text
    assert r"\frac{0.1}{1 - 0.9^t}" in text
    assert "optimlab" in text
    assert ("tables end at t = 12." in text) == (target != "latex")


def test_comments_hold_whatever_a_rule_is_called(tmp_path):
    @dataclass(frozen=True)
    class Own(Rule):
        name: str = 'a */ b\nc \\ " """ \u2028 d'

        @staticmethod
        def formula(x, w, state, c):
            return x, state

        def __repr__(self):
            return f"Own({self.name})"

    texts = {target: Own().source(target) for target in ("js", "c", "torch", "jax")}
    for target in ("torch", "jax"):
        compile(texts[target], target, "exec")
    if "gcc" not in missing():
        gcc([texts["c"]], given("float64"), tmp_path)
    if "node" not in missing():
        node([texts["js"]], given("float64"), tmp_path)


@pytest.mark.parametrize("target", ["torch", "jax"])
def test_python_refuses_steps_after_the_tables(target):
    pytest.importorskip(target)
    module = module_of((cosine_decay(0.1, steps=9) * sgd()).source(target, steps=12))
    assert module.numbers(12, 0.1)[1] == 0.0
    for t in (0, 13):
        with pytest.raises(ValueError, match="from 1 to 12"):
            module.numbers(t, 0.1)


def test_compiled_languages_refuse_steps_after_the_tables(tmp_path):
    rule, run = cosine_decay(0.1, steps=9) * sgd(), given("float64")
    if "gcc" not in missing():
        with pytest.raises(AssertionError):  # the status is not 0
            gcc([rule.source("c", steps=12)], run, tmp_path)
    if "node" not in missing():
        with pytest.raises(AssertionError, match="t must be from 1 to 12; got 13"):
            node([rule.source("js", steps=12)], run, tmp_path)


def test_text_of_torch_moves_weights_of_fewer_bits():
    torch = pytest.importorskip("torch")
    module = module_of(adam().source("torch"))
    for dtype in (torch.float16, torch.bfloat16):
        w = torch.ones(2, dtype=dtype)
        module.step(w, w.clone(), module.start(w), 1, 0.25)
        assert torch.equal(w, torch.full_like(w, 0.75))


def test_jitted_jax_gives_nan_after_the_tables():
    jax = pytest.importorskip("jax")
    module = module_of((cosine_decay(0.1, steps=9) * sgd()).source("jax", steps=12))
    values = [float(jax.jit(lambda t: module.numbers(t, 0.1)[1])(t)) for t in (1, 12, 13)]
    assert values[:2] == [pytest.approx(0.1), 0.0]
    assert np.isnan(values[2])


@pytest.mark.parametrize(("rule", "words"), [
    (adam() / Norm(), "Norm.. in .* looks at a whole leaf"),
    (adam() + 0.1 * Weights(only="*weight"), "goes by the names of leaves"),
    (Ema([0.5, 0.9]), "one number for each replica"),
    ((lambda k: np.array([1.0, 2.0])) * Gradient(), "one number for each replica"),
])  # fmt: skip
def test_rules_that_no_text_holds_are_refused(rule, words):
    with pytest.raises(TypeError, match=words):
        rule.source("js")


def test_remedies_of_refusals_work():
    rule = adam() + 0.1 * Weights(only="*weight")
    bias, weight = (each.source("c") for each in rule.on(("bias", "weight")))
    assert bias != weight


@pytest.mark.parametrize(("words", "error", "message"), [
    ({"target": "fortran"}, ValueError, "'js', 'c', 'torch', 'jax', 'latex'; got 'fortran'"),
    ({"target": 3}, TypeError, "target"),
    ({"target": "c", "dtype": "float16"}, ValueError, "dtype must be one of 'float64', 'float32'"),
    ({"target": "c", "steps": 0}, ValueError, "steps must be a whole number of at least 1"),
])  # fmt: skip
def test_arguments(words, error, message):
    with pytest.raises(error, match=message):
        adam().source(**words)
