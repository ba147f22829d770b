"""Programs that update their weights by hand, and the same programs on optimlab: the weights are equal to 1e-12."""

import copy
from itertools import pairwise

import numpy as np
import pytest

from optimlab import (
    Accumulate,
    ClipValue,
    Ema,
    Gradient,
    Optimizer,
    Root,
    Square,
    Trace,
    WeightDecay,
    adam,
    minimize,
    rmsprop,
    sgd,
    tree,
)
from optimlab.lab.autodiff import grad


def agree(found, expected):
    found, expected = (list(tree({"": arrays}).values()) for arrays in (found, expected))
    assert len(found) == len(expected) > 0
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


class TestCharacterNetwork:
    """A recurrent net that reads a text letter by letter: clipping at ±5, Adagrad with ε inside the root."""

    TEXT = "a banana and a bandana, a cabana and a pyjama; "
    LETTERS = sorted(set(TEXT))
    STEPS, HIDDEN, LENGTH, LR = 600, 12, 25, 0.05

    def start(self):
        rng, n, h = np.random.default_rng(0), len(self.LETTERS), self.HIDDEN
        shapes = {"Wxh": (h, n), "Whh": (h, h), "Why": (n, h)}
        return {name: 0.01 * rng.normal(size=shape) for name, shape in shapes.items()} | {
            "bh": np.zeros((h, 1)), "by": np.zeros((n, 1)),
        }  # fmt: skip

    def loss(self, p, begin, state):
        """Cross-entropy of one stretch of the text, its gradients back through time, and the last hidden state."""
        read = [self.LETTERS.index(self.TEXT[(begin + t) % len(self.TEXT)]) for t in range(self.LENGTH + 1)]
        hidden, odds, loss = {-1: state}, {}, 0.0
        for t in range(self.LENGTH):
            hidden[t] = np.tanh(p["Wxh"][:, read[t] : read[t] + 1] + p["Whh"] @ hidden[t - 1] + p["bh"])
            score = np.exp(p["Why"] @ hidden[t] + p["by"])
            odds[t] = score / score.sum()
            loss -= np.log(odds[t][read[t + 1], 0])
        g, later = {name: np.zeros_like(w) for name, w in p.items()}, np.zeros_like(state)
        for t in reversed(range(self.LENGTH)):
            dy = odds[t].copy()
            dy[read[t + 1]] -= 1
            g["Why"] += dy @ hidden[t].T
            g["by"] += dy
            raw = (p["Why"].T @ dy + later) * (1 - hidden[t] ** 2)
            g["bh"] += raw
            g["Wxh"][:, read[t]] += raw[:, 0]
            g["Whh"] += raw @ hidden[t - 1].T
            later = p["Whh"].T @ raw
        return loss, g, hidden[self.LENGTH - 1]

    def run(self, update):
        p, state, losses = self.start(), np.zeros((self.HIDDEN, 1)), []
        for step in range(self.STEPS):
            loss, g, state = self.loss(p, step * self.LENGTH, state)
            losses.append(loss)
            update(p, g)
        return p, losses

    def test_adagrad(self):
        memory, largest = {name: np.zeros_like(w) for name, w in self.start().items()}, []

        def by_hand(p, g):
            largest.append(max(abs(slope).max() for slope in g.values()))
            for name in p:
                np.clip(g[name], -5, 5, out=g[name])
                memory[name] += g[name] * g[name]
                p[name] += -self.LR * g[name] / np.sqrt(memory[name] + 1e-8)

        adagrad = Gradient() / (Square() | Trace(1.0) + 1e-8 | Root())
        opt = Optimizer(adagrad, lr=self.LR, hooks=[ClipValue(5.0)])
        (p, losses), (q, _) = self.run(opt.step), self.run(by_hand)
        agree(p, q)
        assert sum(size > 5.0 for size in largest) > 5  # it clips
        assert losses[-1] < 0.2 * losses[0]  # it learns


class TestListsOfMatrices:
    """A net that keeps its weights (n, m) and biases (n, 1) in lists: mini-batches, L2 on the weights alone."""

    class Net:
        def __init__(self, sizes):
            rng = np.random.default_rng(1)
            self.sizes, self.layers = sizes, len(sizes)
            self.biases = [rng.normal(size=(n, 1)) for n in sizes[1:]]
            self.weights = [rng.normal(size=(n, m)) / np.sqrt(m) for m, n in pairwise(sizes)]

        def slopes(self, x, y):
            """The sums over a batch (m, k) of the gradients of the cross-entropy."""
            active = [x]
            for w, b in zip(self.weights, self.biases, strict=True):
                active.append(1 / (1 + np.exp(-(w @ active[-1] + b))))
            delta, weights, biases = active[-1] - y, [], []
            for i in reversed(range(len(self.weights))):
                weights.insert(0, delta @ active[i].T)
                biases.insert(0, delta.sum(axis=1, keepdims=True))
                delta = (self.weights[i].T @ delta) * active[i] * (1 - active[i])
            return weights, biases

    def run(self, update):
        net, rng = self.Net([5, 7, 3]), np.random.default_rng(2)
        x = rng.normal(size=(5, 50))
        y = np.eye(3)[rng.integers(0, 3, 50)].T
        for _ in range(30):
            order = rng.permutation(50)
            for begin in range(0, 50, 8):  # the last batch is one of two
                batch = order[begin : begin + 8]
                update(net, *net.slopes(x[:, batch], y[:, batch]), len(batch))
        return net

    def test_l2(self):
        eta, decay, n = 0.5, 0.1, 50

        def by_hand(net, weights, biases, size):
            net.weights = [
                (1 - eta * decay / n) * w - (eta / size) * g for w, g in zip(net.weights, weights, strict=True)
            ]
            net.biases = [b - (eta / size) * g for b, g in zip(net.biases, biases, strict=True)]

        opt = Optimizer(sgd(), lr=eta, hooks=[WeightDecay(decay / n, only="weights.*")])

        def port(net, weights, biases, size):
            opt.step(tree(net), tree({"weights": [g / size for g in weights], "biases": [g / size for g in biases]}))

        mine, theirs = self.run(port), self.run(by_hand)
        agree(tree(mine), tree(theirs))
        assert opt.t == 30 * 7


class TestLayersWithOptimizers:
    """Layers that copy a template optimizer, and bind what it returns; Adam with a correction that never changes."""

    class ByHand:
        def __init__(self, lr):
            self.lr, self.m, self.v = lr, None, None

        def updated(self, w, g):
            if self.m is None:
                self.m, self.v = np.zeros_like(g), np.zeros_like(g)
            self.m = 0.9 * self.m + (1 - 0.9) * g
            self.v = 0.999 * self.v + (1 - 0.999) * g**2
            return w - self.lr * (self.m / (1 - 0.9)) / (np.sqrt(self.v / (1 - 0.999)) + 1e-8)

    class InPlace:
        """What looks as right: it writes into the weights, and returns them."""

        def __init__(self, optimizer):
            self.updated = optimizer.step

        def __copy__(self):
            return type(self)(copy.copy(self.updated.__self__))

    class Dense:
        def __init__(self, shape, template, rng):
            self.W, self.b = rng.normal(size=shape) / np.sqrt(shape[0]), np.zeros((1, shape[1]))
            self.W_opt, self.b_opt = copy.copy(template), copy.copy(template)

        def forward(self, x):
            self.x = x
            return np.tanh(x @ self.W + self.b)

        def backward(self, g, y):
            W = self.W  # those of the forward pass, which the update is not to touch
            g = g * (1 - y * y)
            self.W = self.W_opt.updated(self.W, self.x.T @ g)
            self.b = self.b_opt.updated(self.b, g.sum(axis=0, keepdims=True))
            return g @ W.T

    def run(self, template):
        rng = np.random.default_rng(3)
        layers = [self.Dense(shape, template, rng) for shape in ((4, 8), (8, 8), (8, 2))]
        x, y = rng.normal(size=(20, 4)), rng.uniform(-0.9, 0.9, size=(20, 2))
        for _ in range(200):
            outs = [x]
            for layer in layers:
                outs.append(layer.forward(outs[-1]))
            g = (outs[-1] - y) / len(x)
            for layer, out in zip(reversed(layers), reversed(outs), strict=False):
                g = layer.backward(g, out)
        return [[layer.W, layer.b] for layer in layers]

    def test_updated_takes_the_place_of_the_template(self):
        rule = (Ema(0.9) * (1 / (1 - 0.9))) / (Square() | Ema(0.999) * (1 / (1 - 0.999)) | Root(1e-8))
        theirs = self.run(self.ByHand(0.01))
        agree(self.run(Optimizer(rule, lr=0.01)), theirs)
        in_place = self.run(self.InPlace(Optimizer(rule, lr=0.01)))
        assert abs(in_place[0][0] - theirs[0][0]).max() > 1e-3  # W, kept for the way back, has changed under it


class TestPolicyGradient:
    """A policy that learns a game by REINFORCE: gradients of ten episodes are summed, RMSprop climbs."""

    def episode(self, model, rng):
        """Push a point to the middle; return the gradient of log p, weighted by what came after each push."""
        place, seen, hidden, slopes, rewards = rng.uniform(-1, 1, size=3), [], [], [], []
        for _ in range(12):
            h = np.maximum(model["W1"] @ place, 0.0)
            p = 1 / (1 + np.exp(-model["W2"] @ h))
            up = rng.uniform() < p
            seen.append(place.copy())
            hidden.append(h)
            slopes.append(float(up) - p)
            place = np.append(place[1:], place[-1] + (0.2 if up else -0.2))
            rewards.append(1.0 - abs(place[-1]))
        later = np.cumsum(rewards[::-1])[::-1]
        weighted = np.array(slopes) * (later - later.mean()) / later.std()
        back = np.outer(weighted, model["W2"]) * (np.array(hidden) > 0)
        return {"W1": back.T @ np.array(seen), "W2": weighted @ np.array(hidden)}

    def run(self, update):
        rng = np.random.default_rng(4)
        model = {"W1": rng.normal(size=(6, 3)), "W2": rng.normal(size=6)}
        for number in range(1, 306):  # the last five stay in the buffer
            update(model, self.episode(model, rng), number)
        return model

    def test_rmsprop_ascent(self):
        memory, buffer = ({"W1": np.zeros((6, 3)), "W2": np.zeros(6)} for _ in range(2))

        def by_hand(model, g, number):
            for name in model:
                buffer[name] += g[name]
                if number % 10 == 0:
                    memory[name] = 0.99 * memory[name] + (1 - 0.99) * buffer[name] ** 2
                    model[name] += 1e-2 * buffer[name] / (np.sqrt(memory[name]) + 1e-5)
                    buffer[name] = np.zeros_like(model[name])

        opt = Optimizer(-rmsprop(0.99, 1e-5), lr=1e-2, hooks=[Accumulate(10, "sum")])
        agree(self.run(lambda model, g, number: opt.step(model, g)), self.run(by_hand))
        assert opt.t == 30


class TestVariationalInference:
    """Black-box variational inference: a Gaussian is fitted to a density, by samples and a functional Adam."""

    @staticmethod
    def objective(params, noise):
        """Minus the evidence lower bound: entropy, and log p of a curved density at samples."""
        mean, log_std = params[:2], params[2:]
        samples = noise * np.exp(log_std) + mean
        x, log_width = samples[:, 0], samples[:, 1]
        log_p = -0.5 * (x * np.exp(-log_width)) ** 2 - log_width - 0.5 * (log_width / 1.35) ** 2
        return -(log_std.sum() + log_p.mean())

    def gradient(self, params, rng):
        return grad(self.objective)(params, rng.normal(size=(40, 2)))

    def by_hand(self, gradient, x, callback, *, steps, lr):
        m, v = np.zeros_like(x), np.zeros_like(x)
        for i in range(steps):
            g = gradient(x)
            callback(x, i, g)
            m = (1 - 0.9) * g + 0.9 * m
            v = (1 - 0.999) * g**2 + 0.999 * v
            x = x - lr * (m / (1 - 0.9 ** (i + 1))) / (np.sqrt(v / (1 - 0.999 ** (i + 1))) + 1e-8)
        return x

    def test_minimize_takes_the_place_of_a_functional_adam(self):
        x0, rng, theirs, mine = np.array([-1.0, -1.0, -5.0, -5.0]), np.random.default_rng(5), [], []
        x = self.by_hand(lambda x: self.gradient(x, rng), x0, lambda *seen: theirs.append(seen), steps=300, lr=0.1)

        keep = lambda x, i, g: mine.append((x.copy(), i, g))  # noqa: E731
        found = minimize(self.gradient, x0, adam(), lr=0.1, steps=300, callback=keep, rng=5)

        agree(found.x, x)
        agree([x for x, _, _ in mine], [x for x, _, _ in theirs])
        agree([g for _, _, g in mine], [g for _, _, g in theirs])
        assert [i for _, i, _ in mine] == [i for _, i, _ in theirs] == list(range(300))
        assert x0.tolist() == [-1.0, -1.0, -5.0, -5.0]
        assert abs(x[2:]).max() < 2.0  # the widths have grown from e⁻⁵


class TestSkipGram:
    """Word vectors with negative sampling: each step moves a few rows of two tables."""

    WORDS, SIZE, LR = 30, 8, 0.1

    def pairs(self):
        """A word, its neighbour and three others, which may be equal: of words that follow each other."""
        rng = np.random.default_rng(6)
        for _ in range(1500):
            word = rng.integers(self.WORDS)
            yield word, np.append((word + 1) % self.WORDS, rng.integers(0, 10, size=3))

    def slopes(self, tables, word, others):
        labels = np.array([1.0, 0.0, 0.0, 0.0])
        inner, outer = tables["in"][word], tables["out"][others]
        error = 1 / (1 + np.exp(-outer @ inner)) - labels
        return error @ outer, np.outer(error, inner)

    def run(self, update):
        rng = np.random.default_rng(7)
        tables = {"in": rng.normal(size=(self.WORDS, self.SIZE)), "out": rng.normal(size=(self.WORDS, self.SIZE))}
        for word, others in self.pairs():
            update(tables, word, others, *self.slopes(tables, word, others))
        return tables

    def by_hand(self, tables, word, others, inner, outer):
        tables["in"][word] -= self.LR * inner
        np.add.at(tables["out"], others, -self.LR * outer)

    @pytest.mark.parametrize("others", ["wait", "decay"])
    def test_rows(self, others):
        opt = Optimizer(sgd(), lr=self.LR)

        def port(tables, word, others_, inner, outer):
            rows = {"in": np.array([word]), "out": others_}
            opt.step_rows(tables, rows, {"in": inner[np.newaxis], "out": outer}, others=others)

        agree(self.run(port), self.run(self.by_hand))

    def test_rows_as_dense_gradients(self):
        opt = Optimizer(sgd(), lr=self.LR)
        g = {name: np.zeros((self.WORDS, self.SIZE)) for name in ("in", "out")}

        def port(tables, word, others, inner, outer):
            g["in"][...], g["out"][...] = 0.0, 0.0
            g["in"][word] = inner
            np.add.at(g["out"], others, outer)
            opt.step(tables, g)

        agree(self.run(port), self.run(self.by_hand))
