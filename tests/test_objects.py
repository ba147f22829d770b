"""The arrays in the attributes of objects."""

import copy
import pickle
import re
import types
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
import pytest

import optimlab
from optimlab import ClipNorm, Leaves, Optimizer, adam, momentum, sgd, tree
from optimlab.lab.problems import Quadratic

Pair = namedtuple("Pair", "first second")


class Layer:
    def __init__(self, n, m):
        self.W, self.b, self.size, self.name = np.ones((n, m)), np.zeros(m), n, "layer"


class Slots:
    __slots__ = ("W", "__own", "unset")

    def __init__(self):
        self.W, self.__own = np.ones(2), np.ones(3)


class More(Slots):
    """A class with slots above and a dict of its own."""

    def __init__(self):
        super().__init__()
        self.more = np.ones(4)


class Net:
    def __init__(self):
        self.layers = [Layer(3, 2), Layer(2, 1)]
        self.head = {"scale": np.ones(2, "f4"), "pair": Pair(np.ones(1), (Slots(),))}


def test_names_are_places_and_arrays_are_the_very_ones():
    net = Net()
    found = tree(net)
    assert isinstance(found, dict)
    assert {name: id(array) for name, array in found.items()} == {
        "head.scale": id(net.head["scale"]),
        "layers.0.W": id(net.layers[0].W),
        "layers.0.b": id(net.layers[0].b),
        "layers.1.W": id(net.layers[1].W),
        "layers.1.b": id(net.layers[1].b),
        "head.pair.0": id(net.head["pair"].first),
        "head.pair.1.0.W": id(net.head["pair"].second[0].W),
        "head.pair.1.0._Slots__own": id(net.head["pair"].second[0]._Slots__own),
    }
    assert found.left_out == {
        "layers.0.size": "int", "layers.0.name": "str", "layers.1.size": "int", "layers.1.name": "str",
    }  # fmt: skip


@pytest.mark.parametrize("rule", [sgd(), adam()])
def test_a_class_of_layers_is_optimised_in_place(rule):
    net, twin = Net(), Net()
    layers = {f"{i}.{name}": getattr(layer, name) for i, layer in enumerate(twin.layers) for name in ("W", "b")}
    opt, plain, params = Optimizer(rule, 0.1, hooks=[ClipNorm(1.0)]), Optimizer(rule, 0.1, hooks=[ClipNorm(1.0)]), None
    for k in range(5):
        params = tree(net, only="layers.*")
        opt.step(params, {name: np.cos(w + k) for name, w in params.items()})
        plain.step(layers, {name: np.cos(w + k) for name, w in layers.items()})
    for layer, other in zip(net.layers, twin.layers, strict=True):
        assert np.array_equal(layer.W, other.W)
        assert np.array_equal(layer.b, other.b)
        assert not np.array_equal(layer.W, np.ones_like(layer.W))
    assert opt.t == 5


def test_gradients_may_be_those_of_a_parallel_object():
    net, gradients = Net(), Net()
    Optimizer(sgd(), 0.5).step(tree(net), tree(gradients))
    assert np.array_equal(net.layers[0].W, np.full((3, 2), 0.5))
    assert net.head["scale"].tolist() == [0.5, 0.5]


def test_slots_of_all_classes_and_the_dict():
    assert list(tree(More())) == ["W", "_Slots__own", "more"]
    assert tree(More()).left_out == {}


def test_what_is_left_out_has_its_reason():
    shared, read_only, own = np.ones(2), np.ones(2), [1.0]
    read_only.flags.writeable = False
    own.append(own)

    class Full:
        def __init__(self):
            self.X = shared
            self.again = shared
            self.view = shared[:]
            self.count, self.rate, self.word, self.nothing, self.flag = 3, 0.1, "a", None, True
            self.integers = np.ones(2, int)
            self.half = np.ones(2, "f2")
            self.swapped = np.ones(2, ">f8")
            self.complex = np.ones(2, complex)
            self.ragged = np.array([np.ones(2), np.ones(3)], dtype=object)
            self.fixed = read_only
            self.masked = np.ma.ones(2)
            self.number = np.float64(2.0)
            self.sizes = [3, 2, 1.5]
            self.options = {"a": 1}
            self.letters = ("a",)
            self.mixed = [1, shared, {"b": np.ones(1)}]
            self.method = self.run
            self.function = np.sum
            self.ufunc = np.exp
            self.partial = partial(np.add, np.ones(2))
            self.kind = Layer
            self.module = types
            self.rng = np.random.default_rng(0)
            self.set = {1.0}
            self.me = self
            self.own = own
            self.optimizer = Optimizer(momentum(), 0.1)
            self.optimizer.step(np.ones(2), np.ones(2))
            self.hook, self.rule = ClipNorm(1.0), adam()

        @property
        def evaluated(self):
            raise AssertionError

        def __getattr__(self, name):
            raise AssertionError(name)

        def run(self):
            pass

    found = tree(Full())
    assert list(found) == ["X", "view", "mixed.2.b"]
    assert found.left_out == {
        "again": "the same array as 'X'",
        "count": "int", "rate": "float", "word": "str", "nothing": "NoneType", "flag": "bool",
        "integers": "int64 array",
        "half": "float16 array",
        "swapped": ">f8 array",
        "complex": "complex128 array",
        "ragged": "object array",
        "fixed": "read-only array",
        "masked": "numpy.ma.MaskedArray, not a plain array",
        "number": "numpy.float64",
        "sizes": "list of float, int",
        "options": "dict of int",
        "letters": "tuple of str",
        "mixed.0": "int",
        "mixed.1": "the same array as 'X'",
        "method": "method",
        "function": "numpy._ArrayFunctionDispatcher",
        "ufunc": "numpy.ufunc",
        "partial": "functools.partial",
        "kind": "type",
        "module": "module",
        "rng": "numpy.random._generator.Generator",
        "set": "set",
        "me": "the same object as 'obj'",
        "own.0": "float",
        "own.1": "the same object as 'own'",
        "optimizer": "optimlab.optimizer.Optimizer",
        "hook": "optimlab.hooks.clip.ClipNorm",
        "rule": found.left_out["rule"],
    }  # fmt: skip
    assert found.left_out["rule"].startswith("optimlab.rules.")
    with pytest.raises(ValueError, match="'X' and 'view' overlap in memory"):
        Optimizer(sgd(), 0.1).step(found, {name: np.ones_like(array) for name, array in found.items()})


def test_subclasses_that_mean_no_more_than_their_numbers_are_taken(tmp_path):
    with pytest.warns(PendingDeprecationWarning):
        held = types.SimpleNamespace(matrix=np.asmatrix(np.ones((2, 2))))
    held.map = np.memmap(tmp_path / "w", "f8", "w+", shape=3)
    found = tree(held)
    assert list(found) == ["matrix", "map"]
    Optimizer(sgd(), 0.5).step(found, {"matrix": np.ones((2, 2)), "map": np.ones(3)})
    assert np.asarray(held.map).tolist() == [-0.5] * 3


def test_what_is_shared_has_the_nearer_name():
    """Layers that are linked, and in a list: the list is nearer."""
    layers = [Layer(2, 2) for _ in range(50)]
    for layer, after in pairwise(layers):
        layer.after = after
        after.before = layer
    net = types.SimpleNamespace(first=layers[0], layers=layers, last=layers[-1])
    found = tree(net)
    places = ["first", "first.after", *(f"layers.{i}" for i in range(2, 49)), "last"]
    assert set(found) == {f"{place}.{name}" for place in places for name in "Wb"}
    assert found.left_out["layers.0"] == "the same object as 'first'"
    assert found.left_out["layers.3.before"] == "the same object as 'layers.2'"


class TestDepth:
    """No structure is too deep for an answer."""

    @pytest.mark.parametrize("linked", [True, False])
    def test_a_chain_is_walked_to_a_depth(self, linked):
        end = chain = types.SimpleNamespace(W=np.ones(1)) if linked else [np.ones(1)]
        for _ in range(100_000):
            chain = types.SimpleNamespace(W=np.ones(1), after=chain) if linked else [np.ones(1), chain]
        found = tree(chain)
        assert len(found) == 1000
        (name,) = found.left_out
        assert name.startswith("after.after." if linked else "1.1.1.")
        assert found.left_out[name] == "more than 1000 deep; give tree the part that holds it"
        assert len(tree(end)) == 1  # the remedy
        while chain is not end:  # else the interpreter takes it apart recursively
            chain = chain.after if linked else chain[1]

    @pytest.mark.parametrize("kind", [list, dict])
    def test_containers_in_themselves(self, kind):
        own = kind([(0, np.ones(1))]) if kind is dict else [np.ones(1)]
        own.update({1: own}) if kind is dict else own.append(own)
        found = tree(own)
        assert list(found) == ["0"]
        assert found.left_out == {"1": "the same object as 'obj'"}


class TestOnly:
    def test_chooses_by_name(self):
        found = tree(Net(), only=["*.W", "head.scale"])
        assert list(found) == ["head.scale", "layers.0.W", "layers.1.W", "head.pair.1.0.W"]
        assert found.left_out["layers.0.b"] == "not in only"

    def test_a_pattern_must_mean_an_array(self):
        with pytest.raises(ValueError, match=r"only must name leaves; 'bias' is none of head\.scale"):
            tree(Net(), only="bias")


@pytest.mark.parametrize("make", [dict, OrderedDict, types.MappingProxyType])
def test_containers_hold_arrays_too(make):
    assert list(tree(make({"a": np.ones(1), "b": make({1: np.ones(1)})}))) == ["a", "b.1"]


def test_a_container_with_attributes_holds_both():
    class Params(dict):
        pass

    params = Params(a=np.ones(1))
    params.b = np.ones(1)
    assert list(tree(params)) == ["a", "b"]


def test_a_dataclass():
    @dataclass(slots=True)
    class Both:
        W: np.ndarray
        n: int

    assert list(tree(Both(np.ones(1), 3))) == ["W"]


def test_classes_that_belong_to_no_module():
    """As in a notebook's cell or a program that is run by exec."""
    program = "class Layer:\n    def __init__(self): self.W = np.ones(1)\nlayer = Layer()"
    for module in ({}, {"__name__": "optimlab.optimizer"}, {"__name__": "none.such"}):
        exec(program, module | {"np": np}, names := {})
        assert list(tree(names["layer"])) == ["W"]


def test_a_class_of_ones_own_that_comes_from_the_library_or_a_standard_class():
    class Mine(Optimizer):
        pass

    class Held(types.SimpleNamespace):
        pass

    class Error(Exception):
        pass

    held = Held(W=np.ones(1), error=Error(np.ones(1)), optimizer=Mine(momentum(), 0.1))
    held.error.W = np.ones(1)
    assert list(tree(held)) == ["W", "error.W"]
    assert tree(held).left_out["optimizer"].endswith("Mine")


def test_what_the_laboratory_holds_is_looked_at():
    found = tree(types.SimpleNamespace(problem=Quadratic([1.0, 2.0]), W=np.ones(1)))
    assert found.left_out == {"problem.curvatures": "tuple of float"}


def test_a_copy_is_a_dict_of_its_own():
    found = tree(Net(), only="*.W")
    for other in (copy.copy(found), copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        assert type(other) is Leaves
        assert list(other) == list(found)
        assert other.left_out == found.left_out
    assert copy.copy(found)["layers.0.W"] is found["layers.0.W"]


@pytest.mark.parametrize(
    ("obj", "error", "message"),
    [
        (Layer, TypeError, "an object, dict, list or tuple that holds arrays; not a class; write Layer(...)"),
        (np.ones(3), TypeError, "obj must be an object, dict, list or tuple that holds arrays; got numpy.ndarray"),
        (3.0, TypeError, "that holds arrays; got float"),
        (None, TypeError, "that holds arrays; got NoneType"),
        (Optimizer(sgd(), 0.1), TypeError, "that holds arrays; got optimlab.optimizer.Optimizer"),
        ({1: np.ones(1), "1": np.ones(1)}, ValueError, "two arrays have the name '1'; rename one of the keys"),
        ({"a.b": np.ones(1), "a": {"b": np.ones(1)}}, ValueError, "two arrays have the name 'a.b'; rename"),
    ],
)  # fmt: skip
def test_errors_say_what_is_allowed(obj, error, message):
    with pytest.raises(error, match=re.escape(message)):
        tree(obj)


def test_it_is_public():
    assert optimlab.tree is tree
