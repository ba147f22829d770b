"""The page's own code gives Python's numbers, to the last bit: every rule × surface × schedule, 1000 steps each."""

from hashlib import sha256

import numpy as np
import pytest

from optimlab import Optimizer
from optimlab.lab.explorer.facts import facts
from optimlab.lab.frame.expressions import rule, schedules
from optimlab.lab.play.surfaces import scene
from tests.lab.explorer.javascript import run

STEPS, LR, FAR = 1000, 0.002, 1e9
SETTINGS = """
const rules = FACTS.rules.map((entry) => {
  const values = Object.fromEntries(entry.parameters.map(({ name, value }) => [name, value]));
  return ruleText(entry, values);
});
return { rules, schedules: SCHEDULE_FORMS.map(({ name }) => [name, scheduleOf(name, data).python]) };
"""
DIGESTS = """
const { createHash } = require("crypto");
const surfaces = data.surfaces.map(readSurface);
const rates = data.schedules.map(([name]) => scheduleOf(name, data.lr).at);
return data.rules.map((text) => {
  const rule = readRule(text);
  return surfaces.map((surface) => rates.map((rate) => {
    const { x, y } = descend({ rule, surface, rate, starts: [surface.start], steps: data.steps });
    const whole = Float64Array.from({ length: x.length + y.length }, (_, i) => (i % 2 ? y : x)[i >> 1]);
    for (let i = 0; i < whole.length; i += 1) if (Number.isNaN(whole[i])) whole[i] = NaN;
    return createHash("sha256").update(new Uint8Array(whole.buffer)).digest("hex");
  }));
});
"""


def walked(rules, rates, surfaces, starts):
    """The ways of all rules with all learning rates over all surfaces, shape (rule, surface, rate, step, 2)."""
    lr = np.tile(rates, (len(surfaces), 1))
    starts = np.repeat(starts[:, None], len(rates), axis=1)
    w = [starts.reshape(-1, 2).copy() for _ in rules]
    optimizers = [Optimizer(one, lr=lambda k: lr[:, k], replicas=len(lr), check_finite=False) for one in rules]
    way = np.empty((STEPS + 1, len(rules), *starts.shape))
    way[0] = starts
    with np.errstate(all="ignore"):
        for k in range(STEPS):
            slopes = np.stack([surface.gradient(way[k, :, i]) for i, surface in enumerate(surfaces)], axis=1)
            for optimizer, own, g in zip(optimizers, w, slopes, strict=True):
                optimizer.step(own, g.reshape(-1, 2))
            way[k + 1] = np.reshape(w, way.shape[1:])
            for own in w:
                own[~(np.abs(own) <= FAR).all(axis=1)] = np.nan  # has diverged, and is left alone
    return np.moveaxis(way, 0, -2)


def digest(way):
    """One text for all bits of a way; one NaN is as good as another."""
    return sha256(np.where(np.isnan(way), np.nan, way).tobytes()).hexdigest()


@pytest.mark.slow
def test_every_rule_surface_and_schedule_has_pythons_bits():
    told = run(SETTINGS, LR)
    surfaces = {entry["name"]: entry["start"] for entry in facts()["surfaces"]}
    assert (len(told["rules"]) >= 20, len(surfaces), len(told["schedules"])) == (True, 8, 15)
    rates = [make(STEPS)(np.arange(STEPS)) for _, text in told["schedules"] for make in schedules(text).values()]
    rules, grounds = [rule(text) for text in told["rules"]], [scene(name).surface for name in surfaces]
    ways = walked(rules, np.array(rates), grounds, np.array([*surfaces.values()]))
    found = run(DIGESTS, told | {"surfaces": [*surfaces], "lr": LR, "steps": STEPS})
    differing = [
        (told["rules"][i], [*surfaces][j], told["schedules"][k][1])
        for i, j, k in np.ndindex(ways.shape[:3])
        if digest(ways[i, j, k]) != found[i][j][k]
    ]
    assert not differing
    moved = np.isfinite(ways[..., -1, :]).all(axis=-1) & (ways[..., -1, :] != ways[..., 0, :]).all(axis=-1)
    assert moved.mean() > 0.8  # what leaves the plane or stays where it is compares little
