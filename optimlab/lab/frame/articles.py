"""The five source articles, row by row: what each says that can be measured."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from optimlab.lab.frame.errors import StudyError

__all__ = ["ARTICLES", "ROWS", "article_row"]

#: What each article is about, by its number.
ARTICLES: Mapping[str, str] = MappingProxyType(
    {
        "000": "A spiral of three classes: sigmoid against ReLU",
        "001": "Automatic differentiation of numbers: XOR, chains, leaky ReLU",
        "002": "A table of vanishing gradients",
        "003": "Moving averages and the optimizers made of them",
        "004": "Random initial weights",
    }
)

#: Every row of the articles, and what it is about. A claim belongs to the row that its id begins with.
ROWS: Mapping[str, str] = MappingProxyType(
    {
        "000-a": "sigmoid net: training accuracy 0.97",
        "000-b": "ReLU net: training accuracy 0.9933",
        "000-c": "the same two nets from other seeds",
        "000-d": "0.9933 as a score, and the ceiling that the data set",
        "000-e": "ReLU converges much faster",
        "000-f": "gradients as the article measures them",
        "000-g": "layer 2 has the larger gradient, so it vanishes backwards",
        "000-h": "gradients show the speed of learning",
        "000-i": "whether anything vanishes: norms of δ",
        "000-j": "ReLU has the larger gradient at the start",
        "000-k": "the range of σ′",
        "000-l": "saturated sigmoids that get no update",
        "000-m": "figures: data, activations, gradients, decision maps",
        "001-a": "one sigmoid unit, trained from 0",
        "001-b": "a 2-2-1 net from zero weights: hidden units stay twins",
        "001-c": "the net learns XOR",
        "001-d": "a chain of ten sigmoids, and its gradients",
        "001-e": "near the target 3 the error factor goes to 0",
        "001-f": "the product of slopes is below 0",
        "001-g": "a chain of ReLU units gives zeros only",
        "001-h": "leaky ReLU and width solve vanishing",
        "001-i": "zeros remain because the net is too simple",
        "001-j": "gradients by recursion over the graph",
        "001-k": "what tanh is, and whether its slope can explode",
        "001-l": "ReLU avoids both problems; nets express anything",
        "002-a": "ten steps down x² + y²",
        "002-b": "both programs print the same",
        "002-c": "the printed table of three sigmoids, entry by entry",
        "002-c2": "the same table to more digits",
        "002-d": "the table proves vanishing",
        "002-e": "the first weight hardly changes",
        "002-f": "a hundred layers: the gradient is 0",
        "002-g": "weights of 100 make gradients explode",
        "002-h": "the range of σ′, and what it takes to explode",
        "002-i": "the names in listing and print",
        "003-a": "β = .98 looks random, β = .5 lags",
        "003-b": "β = .9 describes the trend well",
        "003-c": "a start at 0 is acceptable",
        "003-d": "the average's values, from a fixed seed",
        "003-e": "a minimum in 100 features is one in 2¹⁰⁰",
        "003-f": "learning-rate decay by a momentum option",
        "003-g": "momentum with and without 1-β",
        "003-h": "RMSprop: what is averaged, and the root",
        "003-i": "RMSprop called with ρ as its momentum",
        "003-j": "optimizers compared on digits",
        "003-k": "products of σ′ vanish, large weights explode",
        "003-l": "weights near 1; clipping as regularisation",
        "003-m": "SGD oscillates because its rate is constant",
        "004-a": "single printed pre-activations",
        "004-b": "the truncated normal differs in its tails only",
        "004-c": "weights squeezed into ±.025; a peak above 40",
        "004-d": "1/√n ensures |a| < 1",
        "004-e": "1/n serves sigmoid and ReLU alike",
        "004-f": "weights of 1.5 explode, of .5 vanish, in a linear chain",
    }
)


def article_row(claim: str) -> str:
    """Return the row of an article that a claim's id begins with, or "" for a claim of theory or another reference.

    Parameters
    ----------
    claim : str
        Id of a claim.

    Raises
    ------
    StudyError
        If the id begins like a row, and there is no such row.

    Examples
    --------
    >>> article_row("003-a noise"), article_row("lag 0.9")
    ('003-a', '')
    """
    found = re.match(r"\d{3}-\w+", claim)
    if found and found[0] not in ROWS:
        raise StudyError(f"a claim's id must begin with a row of an article or with another word; got {claim!r}")
    return found[0] if found else ""
