"""Studies with their knobs turned far: what makes no sense is refused in one line, and what stands is theory."""

import json

import pytest

from tests.studies import running


def run(study, tmp_path, *arguments):
    return running.run(f"{study}.py", "--quick", "--out", tmp_path, *arguments)


@pytest.mark.slow
@pytest.mark.parametrize(("study", "arguments", "said"), [
    ("noise_floor", ["--lr", "5"], "nothing settles at these learning rates; take a smaller --lr"),
    ("noise_floor", ["--lr", "1e-9"], "the slowest mode is not settled in 30000 steps; take a larger --lr"),
    ("batch_size", ["--target", "100"], "--target must be below the loss at the start, 2.594; got 100"),
    ("batch_size", ["--target", "1e-9", "--batch", "4"], "no rule reaches --target 1e-09 within --steps 1500"),
    ("ravine", ["--kappa", "10", "10"], "does a value stand twice?"),
    ("saddle_escape", ["--eps", ".5", "--radius", ".1"], "--eps must be below --radius 0.1; got 0.5"),
    ("saddle_escape", ["--eps", ".05", "--radius", ".1", "--steps", "1"], "nothing leaves within --steps 1;"),
    ("clipping", ["--decay", "100"], "--decay must be below "),
    ("averages", ["--steps", "100"], "--windows must be at most --steps 100; got 500"),
    ("averages", ["--averages", "sgd"], "--averages must be averages such as Ema(UniformGain); got SGD"),
    ("critical_points", ["--samples", "10"], "--samples must be at least 5000"),
    ("conventions", ["--lr", "1e60", "--steps", "40"], "a rule has left the numbers; take a smaller --lr"),
    ("compare", ["--rules", "adam"], "--rules must be at least two rules, to be compared; got one"),
    ("conventions", ["--noise", "1e308"], "--noise must be in (0, 1e300]; got 1e+308"),
])  # fmt: skip
def test_what_makes_no_sense_is_refused_in_one_line(study, arguments, said, tmp_path):
    done = run(study, tmp_path, *arguments)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize(("study", "arguments", "claim"), [
    ("noise_floor", ["--rules", "heavy_ball(.999)", "--lr", ".1", "--gamma", ".999"], "heavy ball β 0.999 0.1"),
    ("noise_floor", ["--curvature", "1e6", "--lr", "1e-7"], "SGD 1e-07"),
    ("settling", ["--target", "-5", "--surface", "himmelblau", "--rules", "adam", "--rates", "2"],
     "SGD at the minimum of himmelblau: largest stable lr"),
    ("saddle_escape", ["--lr", "10", "--rules", "sgd", "--eps", ".01"], None),
    ("ravine", ["--kappa", "30000", "--target", ".1", "--grid", "2"], "steps heavy ball 30000"),
    ("clipping", ["--lr", "1000"], None),
    ("conventions", ["--steps", "20", "--eps", ".1", "--momentum", ".5"], "same Keras's RMSprop"),
    ("conventions", ["--steps", "41", "--warmup", "10000", "--noise", "1e6"], "same Keras's Schedule-Free"),
])  # fmt: skip
def test_theory_stands_far_from_the_defaults(study, arguments, claim, tmp_path):
    done = run(study, tmp_path, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    claims = {one["id"]: one for one in json.loads((tmp_path / study / "run.json").read_text("utf-8"))["claims"]}
    assert claim is None or abs(claims[claim]["expected"]) < 1e6  # it arrives


@pytest.mark.slow
def test_a_rule_that_passes_through_has_no_floor(tmp_path):
    done = run("noise_floor", tmp_path, "--rules", "sgd|Clip(1.0)", "--lr", ".1")  # no step is shorter than lr
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if line.strip().startswith("sgd|Clip(1.0) "))
    assert line.split()[-1] == "inf"
