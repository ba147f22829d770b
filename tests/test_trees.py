"""Nested containers: to leaves with names, and back."""

import re
from collections import OrderedDict, namedtuple
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimlab import Optimizer, descend, sgd
from optimlab.trees import chosen, kind, mapped, patterns, rebuilt, tree_of

Pair = namedtuple("Pair", ["first", "second"])
QUICK = settings(deadline=None, derandomize=True, max_examples=100)
KEYS = st.text("abc", min_size=1, max_size=2)
TREES = st.recursive(
    st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=3)
        | st.builds(Pair, inner, inner)
    ),
    max_leaves=12,
)


def found(tree, name=""):
    """The leaves with their names, in the plainest way."""
    if isinstance(tree, dict):
        return [pair for key in tree for pair in found(tree[key], f"{name}.{key}" if name else key)]
    if isinstance(tree, (list, tuple)):
        return [pair for i, part in enumerate(tree) for pair in found(part, f"{name}.{i}" if name else str(i))]
    return [(name, tree)]


@QUICK
@given(TREES)
def test_leaves_have_their_place_for_a_name(tree):
    structure = tree_of(tree)
    assert list(zip(structure.names, structure.leaves(tree), strict=True)) == found(tree)


@QUICK
@given(TREES)
def test_a_container_with_its_own_leaves_is_the_same(tree):
    again = rebuilt(tree, tree_of(tree).leaves(tree))
    assert again == tree
    assert mapped(type, again) == mapped(type, tree)


def kinds(tree):
    """The types of the containers."""
    if isinstance(tree, (list, tuple)):
        return [type(tree), *map(kinds, tree)]
    return [dict, *map(kinds, tree.values())] if isinstance(tree, dict) else None


@QUICK
@given(TREES)
def test_mapped_changes_the_leaves_and_nothing_else(tree):
    doubled = mapped(lambda leaf: 2 * leaf, tree)
    assert kinds(doubled) == kinds(tree)
    structure = tree_of(tree)
    assert structure.leaves(doubled) == [2 * leaf for leaf in structure.leaves(tree)]


@QUICK
@given(TREES, st.randoms())
def test_the_order_of_keys_does_not_matter(tree, random):
    def shuffled(part):
        if isinstance(part, dict):
            keys = list(part)
            random.shuffle(keys)
            return {key: shuffled(part[key]) for key in keys}
        if isinstance(part, Pair):
            return Pair(*map(shuffled, part))
        return type(part)(map(shuffled, part)) if isinstance(part, (list, tuple)) else part

    assert tree_of(tree).leaves(shuffled(tree)) == tree_of(tree).leaves(tree)


def test_the_whole_has_no_name():
    assert tree_of(3.0).names == ("",)
    assert tree_of(3.0).leaves("anything") == ["anything"]
    assert tree_of([]).names == ()


@pytest.mark.parametrize("make", [dict, OrderedDict, MappingProxyType])
def test_any_mapping_is_a_dict(make):
    tree = make({"a": 1, "b": make({"c": 2})})
    assert tree_of(tree).names == ("a", "b.c")
    assert mapped(str, tree) == {"a": "1", "b": {"c": "2"}}


def test_arrays_and_words_are_leaves():
    assert tree_of([np.zeros(3), "abc", None]).names == ("0", "1", "2")


STRUCTURE = tree_of({"a": 1, "b": [2, {"c": 3}]})


@pytest.mark.parametrize(
    ("tree", "error", "message"),
    [
        ([1], TypeError, "the container must be a dict as in the parameters; got list"),
        (None, TypeError, "the container must be a dict as in the parameters; got NoneType"),
        (np.zeros(2), TypeError, "the container must be a dict as in the parameters; got numpy.ndarray"),
        ({"a": 1}, ValueError, "entry 'b' is missing"),
        ({"a": 1, "b": None}, ValueError, "entry 'b' is missing"),
        ({"a": 1, "b": {}}, TypeError, "entry 'b' must be a list or tuple as in the parameters; got dict"),
        ({"a": 1, "b": [2]}, ValueError, "entry 'b' must have 2 entries; got 1"),
        ({"a": 1, "b": [2, {"c": 3}, 4]}, ValueError, "entry 'b' must have 2 entries; got 3"),
        ({"a": 1, "b": [2, {"c": 3, "d": 4}]}, ValueError, "entry 'b.1' has entries that the optimizer does not know"),
    ],
)
def test_another_structure_is_refused(tree, error, message):
    with pytest.raises(error, match=re.escape(message)):
        STRUCTURE.leaves(tree)


def test_a_leaf_that_a_dict_lacks_is_none():
    assert STRUCTURE.leaves({"b": [2, {}]}) == [None, 2, None]
    assert tree_of({"a": 1, "b": 2}).leaves({"b": 3, "c": 4}) == [None, 3]


def test_kinds_are_named_with_their_module():
    assert kind(1.0) == "float"
    assert kind(np.zeros(1)) == "numpy.ndarray"
    assert kind(None) == "NoneType"


NAMES = ("layers.0.W", "layers.0.b", "layers.1.W", "scale")


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        (None, "WbWs"),
        ("*", "WbWs"),
        ("*.W", "W-W-"),
        ("layers.0.*", "Wb--"),
        (["scale", "*.b"], "-b-s"),
        ("layers.?.W", "W-W-"),
    ],
)
def test_patterns_choose_leaves(only, expected):
    assert chosen(NAMES, patterns(only)) == tuple(letter != "-" for letter in expected)


def test_a_pattern_must_mean_a_leaf():
    with pytest.raises(ValueError, match=r"only must name leaves; 'bias' is none of layers\.0\.W"):
        chosen(NAMES, patterns(["*.W", "bias"]))


@pytest.mark.parametrize("only", [3, [], [3], {"W"}])
def test_patterns_are_words(only):
    with pytest.raises(TypeError, match="only must be a name, or a sequence of names"):
        patterns(only)


class TestEndless:
    """Containers that lie in themselves, or too deep, are refused by their place."""

    def made(self, kind):
        own = {"a": [1.0]}
        own["a"].append({"b": own} if kind is dict else own["a"])
        return own

    @pytest.mark.parametrize(("kind", "place"), [(dict, "a.1.b"), (list, "a.1")])
    def test_what_lies_in_itself(self, kind, place):
        with pytest.raises(ValueError, match=f"entry '{place}' is a container that it lies in itself"):
            tree_of(self.made(kind))
        with pytest.raises(ValueError, match=f"a {kind.__name__} is a container that it lies in itself"):
            mapped(abs, self.made(kind))

    def test_what_is_shared_is_no_fault(self):
        part = [1.0]
        assert tree_of([part, part, {"a": part}]).names == ("0.0", "1.0", "2.a.0")
        assert mapped(abs, [part, part]) == [[1.0], [1.0]]

    def test_depth(self):
        nested = [1.0]
        for _ in range(99):
            nested = [nested]
        assert len(tree_of(nested).names[0]) == len(".".join("0" * 100))
        assert tree_of(nested).leaves(mapped(abs, nested)) == [1.0]
        for function in (tree_of, lambda tree: mapped(abs, tree)):
            with pytest.raises(
                ValueError, match="lies more than 100 containers deep; name the arrays in one flat dict"
            ):
                function([nested])

    @pytest.mark.parametrize("kind", [dict, list])
    def test_an_optimizer_says_so(self, kind):
        own = self.made(kind)
        own["a"][0] = np.ones(1)
        opt = Optimizer(sgd(), 0.1)
        for call in (opt.step, opt.updated, lambda start, _: descend(abs, opt, 1, start=start)):
            with pytest.raises(ValueError, match="is a container that it lies in itself"):
                call(own, own)
