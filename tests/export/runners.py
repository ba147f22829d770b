"""Run texts of rules in their languages: node, gcc, torch and JAX; many rules in one process, or one compilation."""

import ctypes
import json
import shutil
import subprocess
from importlib.util import find_spec

import numpy as np

from tests.export.texts import RATES, STEPS, given, module_of, numbers, taken

DRIVER = """
import { readFileSync, writeFileSync } from "node:fs";
const { kind, rules, lanes, rates, before } = JSON.parse(readFileSync("job.json", "utf8"));
const Floats = kind === "float64" ? Float64Array : Float32Array;
const read = (name) => new Floats(new Uint8Array(readFileSync(name)).buffer);
const gradients = read("gradients");
for (let i = 0; i < rules; i += 1) {
  const rule = await import(`./rule${i}.mjs`);
  const w = read("weights"), state = rule.start(lanes), found = [];
  rates.forEach((lr, k) => {
    rule.step(w, gradients.subarray(k * lanes, (k + 1) * lanes), state, before + k + 1, lr);
    for (const x of [w, ...state]) found.push(x.slice());
  });
  const all = new Floats(found.length * lanes);
  found.forEach((x, k) => all.set(x, k * lanes));
  writeFileSync(`found${i}`, new Uint8Array(all.buffer));
}
"""


def node(texts, run, home):
    """Return weights and state after each step, (steps, 1 + slots, lanes), for each text in JavaScript."""
    for i, text in enumerate(texts):
        (home / f"rule{i}.mjs").write_text(text, encoding="utf-8")
    (home / "driver.mjs").write_text(DRIVER)
    (home / "gradients").write_bytes(run.gradients.tobytes())
    (home / "weights").write_bytes(run.weights.tobytes())
    kind, (steps, lanes) = run.weights.dtype, run.gradients.shape
    job = {"kind": kind.name, "rules": len(texts), "lanes": lanes, "rates": list(run.rates), "before": run.before}
    (home / "job.json").write_text(json.dumps(job))
    done = subprocess.run(["node", "driver.mjs"], cwd=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return [np.fromfile(home / f"found{i}", kind).reshape(steps, -1, lanes) for i in range(len(texts))]


def gcc(texts, run, home):
    """Return weights and state after each step, (steps, 1 + slots, lanes), for each text in C."""
    library = compiled(texts, home)
    return [_stepped(library, i, run) for i in range(len(texts))]


def compiled(texts, home):
    """Return texts in C as one library: step0, start0, step1, ..."""
    for i, text in enumerate(texts):
        (home / f"rule{i}.c").write_text(f"#define step step{i}\n#define start start{i}\n{text}", encoding="utf-8")
    options = ["-std=c99", "-O2", "-ffp-contract=off", "-Wall", "-Wextra", "-pedantic", "-Werror", "-fPIC", "-shared"]
    sources = [f"rule{i}.c" for i in range(len(texts))]
    command = ["gcc", *options, "-o", "rules.so", *sources, "-lm"]
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return ctypes.CDLL(str(home / "rules.so"))


def _stepped(library, i, run, slots=50):
    state = np.zeros((slots, run.weights.size), run.weights.dtype)  # more than any rule has
    places = (ctypes.c_void_p * slots)(*[row.ctypes.data for row in state])
    step, start = library[f"step{i}"], library[f"start{i}"]
    step.argtypes = [ctypes.c_size_t, *[ctypes.c_void_p] * 3, ctypes.c_longlong, ctypes.c_double]
    start.argtypes = [ctypes.c_size_t, ctypes.c_void_p]
    w, found = run.weights.copy(), []
    start(w.size, places)
    for t, (g, lr) in enumerate(zip(run.gradients, run.rates, strict=True), start=run.before + 1):
        assert step(w.size, w.ctypes.data, g.ctypes.data, places, t, lr) == 0
        found.append(np.vstack([w, state]))
    return np.array(found)


def torch_steps(name, text, dtype):
    """Return weights and state of each step, all thousand taken at once from NumPy's before it."""
    import torch

    module, (weights, states) = module_of(text), taken(name, dtype)
    module.numbers = _columns(name, module)
    w, state = torch.tensor(weights[:-1]), [torch.tensor(x[:-1]) for x in states]
    module.step(w, torch.tensor(given(dtype).gradients), state, 1, 0.1)
    return np.array([x.numpy() for x in (w, *state)]).swapaxes(0, 1)


def jax_steps(name, text, dtype):
    """Return weights and state of each step, all thousand taken at once from NumPy's before it."""
    import jax.numpy as jnp

    module, (weights, states) = module_of(text), taken(name, dtype)
    module.numbers = _columns(name, module)
    w, state = jnp.asarray(weights[:-1]), [jnp.asarray(x[:-1]) for x in states]
    w, state = module.step(w, jnp.asarray(given(dtype).gradients), state, 1, 0.1)
    return np.array([np.broadcast_to(x, w.shape) for x in (w, *state)]).swapaxes(0, 1)


def jax_jitted(name, text, *, traced):
    """Return how far weights of jitted steps are from NumPy's, as shares of the largest of a path.

    Each step is from NumPy's state, with numbers from a traced t or with NumPy's own.
    """
    import jax

    module, (weights, states) = module_of(text), taken(name, "float64")
    t, columns = np.arange(1, STEPS + 1), _columns(name, module)(1, 0.1)[..., 0]
    if not traced:
        module.numbers = lambda t, lr: list(jax.numpy.asarray(columns)[:, t - 1])
    w, _ = jax.jit(jax.vmap(module.step))(weights[:-1], given("float64").gradients, [x[:-1] for x in states], t, RATES)
    return float(np.max(abs(np.asarray(w) - weights[1:]) / np.max(abs(weights), axis=0)))


def _columns(name, module):
    """Return what gives the numbers of all steps at once, each a column, in the place of those of one step."""
    held = numbers(name)
    constants = [np.full(STEPS, x) for x in module.numbers(1, 0.1)[len(held) :]]
    columns = np.array([*held, *constants])[..., np.newaxis]
    return lambda t, lr: columns


def missing():
    """Return which of the languages are not there."""
    tools = [name for name in ("node", "gcc") if shutil.which(name) is None]
    return [*tools, *[name for name in ("torch", "jax") if find_spec(name) is None]]
