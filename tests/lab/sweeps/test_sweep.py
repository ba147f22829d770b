"""The command: what it prints, what it writes, and how it ends."""

import json
import re
import shlex
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from optimlab.__main__ import main
from optimlab.lab.frame.figures import drawn
from optimlab.lab.sweeps import BorderWarning, best, gains, same, sweep, tuned
from optimlab.lab.sweeps.report import Verdict, judged
from optimlab.lab.sweeps.running import frame_of
from optimlab.lab.sweeps.spec import Spec

ROOT = Path(__file__).parents[3]
SPEC = """
problems = ["beale", "bowl + noise 0.1"]
rules = "sgd, heavy_ball(.5)"
lr = {from = 0.003, to = 0.3, per_decade = 2, extensions = 1}
seeds = 12
steps = 300
by = "final"
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.toml").write_text(SPEC)
    return tmp_path


def written(name):
    return pd.read_csv(f"results/sweep/{name}.csv", keep_default_na=False)


def test_it_answers_and_writes_what_sweep_gives(here, capsys):
    assert main(["sweep", "spec.toml"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert said.startswith(
        "Median value at the end in 300 steps, each at the learning rate that is best for it of 5, chosen on 6 seeds "
        "and judged on the other 6, the first two: beale: "
    )
    frame = sweep("beale, bowl + noise 0.1", "sgd, heavy_ball(.5)", lr=np.array(sorted(written("runs")["lr"].unique())),
                  seeds=12, steps=300)  # fmt: skip
    pd.testing.assert_frame_equal(written("runs"), frame, rtol=1e-14)
    pd.testing.assert_frame_equal(written("judged"), best(tuned(frame, "final"), "final"), rtol=1e-14)
    pd.testing.assert_frame_equal(written("best"), best(frame, "final"), rtol=1e-14)
    first = written("judged").query("problem == 'beale'").sort_values("final").iloc[0]
    assert first["high"] == np.inf
    assert f"beale: {first['rule']} {first['final']:.4g} [{first['low']:.4g}, diverged] at lr" in said
    record = json.loads((here / "results/sweep/run.json").read_text(encoding="utf-8"))
    assert record["question"].startswith("Which rule is fastest")
    assert (here / "results/sweep/sweep.png").read_bytes()[1:4] == b"PNG"
    assert "sweep" in (here / "results/index.html").read_text(encoding="utf-8")


def test_what_is_in_the_store_is_not_run_again(here, capsys):
    given = ["sweep", "spec.toml", "--quick", "--store", "kept.sqlite", "--seed", "5"]
    assert main([*given, "--jobs", "1"]) == 0
    files = written("runs")
    assert files["seed"].unique().tolist() == [5, 6, 7, 8]
    assert files["steps"].unique().tolist() == [30]
    capsys.readouterr()
    assert main([*given, "--dry-run"]) == 0
    assert "4 tasks, 4 of them in the store already; left: 0 runs of 30 steps" in capsys.readouterr().out
    assert main([*given[:-1], "6", "--dry-run"]) == 0
    assert "4 tasks, 0 of them in the store already; left: 80 runs of 30 steps" in capsys.readouterr().out


def test_a_dry_run_counts_and_runs_nothing(here, capsys):
    assert main(["sweep", "spec.toml", "--dry-run", "--jobs", "2"]) == 0
    said = capsys.readouterr().out
    assert "4 tasks, 0 of them in the store already; left: 240 runs of 300 steps" in said
    assert re.search(r"about [\d.e+-]+ s with 2 at a time", said)
    assert re.search(r"memory beside the program: [\d.]+ MB", said)
    assert not (here / "results").exists()


def test_a_dry_run_minds_what_it_is_told(capsys):
    with pytest.raises(SystemExit):
        main(["sweep", "spec.toml", "--dry-run", "--sotre", "s.db"])
    assert "unrecognized arguments: --sotre" in capsys.readouterr().err


@pytest.mark.parametrize("fairness", ["same lr", "matched"])
def test_one_rate_for_all(fairness):
    given = {"problems": "beale", "rules": "sgd, heavy_ball(.5)", "lr": [0.003, 0.01, 0.03], "seeds": 6, "steps": 100}
    spec = Spec.of(given | {"by": "final", "fairness": fairness})
    frame = frame_of(spec.plan)
    found = Verdict(spec, spec.plan, frame, judged(frame, spec))
    said = {"same lr": "all at the one learning rate that is best", "matched": "all at the one effective learning rate"}
    assert said[fairness] in found.answer
    one, other = found.table["lr"]
    assert one == pytest.approx(other * (2.0 if fairness == "matched" else 1.0))
    counted = same(frame, "final", gains(given["rules"]) if fairness == "matched" else None)
    pd.testing.assert_frame_equal(found.table, best(counted, "final"))


@pytest.mark.parametrize(("text", "said"), [
    ("problems = 'bowl'\nrules = 'sgd'\nstep = 3", "spec.toml: 'step' is no key of a sweep; did you mean steps?"),
    ("problems = 'bowl'\nrules = 'sgd'\nexecutor = 'proceses'", "executor must be a number of processes"),
    ("problems = 'bowl'\nrules = 'sgd'\nexecutor = 0", "executor must be a number of processes"),
    ("problems = 'bowl'\nrules = 'sgd'\nseeds = 1\nlr = [0.1]", "tuning needs seeds of its own, at least 2"),
])  # fmt: skip
def test_what_a_user_can_mend_is_one_line(here, text, said, capsys):
    (here / "spec.toml").write_text(text)
    assert main(["sweep", "spec.toml"]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert not (here / "results/sweep/run.json").exists()


@pytest.mark.parametrize("by", ["settled", "best"])
def test_what_never_arrives_or_is_negative_is_said_and_drawn(by):
    places = ["bowl", "surface('sin(x)*cos(y)', target=-0.9)"]
    given = {"problems": places, "rules": "sgd", "lr": {"from": 3.0, "to": 30.0, "extensions": 0}, "seeds": 2}
    spec = Spec.of(given | {"steps": 300, "by": by})
    with pytest.warns(BorderWarning):
        frame = frame_of(spec.plan)
    found = Verdict(spec, spec.plan, frame, judged(frame, spec))
    said = {"settled": "bowl: SGD never; ", "best": "bowl: SGD 1."}
    assert said[by] in found.answer
    figure = drawn(found.panels, 2, (4, 3))
    figure.canvas.draw()
    assert [ax.get_yscale() for ax in figure.axes] == {
        "settled": ["linear", "linear", "linear", "linear"], "best": ["log", "linear", "linear", "linear"],
    }[by]  # fmt: skip
    plt.close(figure)


def test_the_edge_is_in_the_answer(here, capsys):
    (here / "spec.toml").write_text(
        "problems = 'bowl'\nrules = 'sgd'\nlr = {from=1e-3, to=1e-2, extensions=0}\nsteps=9\nby='final'"
    )
    assert main(["sweep", "spec.toml"]) == 0
    assert "a better rate may lie beyond: SGD on bowl (0.01)." in " ".join(capsys.readouterr().out.split())


def test_the_commands_of_the_readme_are_read(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    lines = re.findall(
        r"^python -m optimlab (sweep .*?)(?: +#.*)?$", (ROOT / "README.md").read_text(encoding="utf-8"), re.M
    )
    assert lines
    for line in lines:
        given = shlex.split(line)
        assert main(given if "--dry-run" in given else [*given, "--dry-run"]) == 0
        assert "tasks" in capsys.readouterr().out
