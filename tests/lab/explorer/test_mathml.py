"""LaTeX as a tree of MathML: what rules are written in, and whatever else somebody types."""

import re

import numpy as np

from optimlab.lab.frame.expressions import rule
from tests.lab.explorer.javascript import run
from tests.lab.explorer.test_latex import texts

CHILDREN = {"mfrac": 2, "msup": 2, "msub": 2, "munder": 2, "msubsup": 3, "munderover": 3}
TAGS = {*CHILDREN, "math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "msqrt", "mtable", "mtr", "mtd"}
SIGNS = {r"\cdot": "⋅", r"\leftarrow": "←", r"\le": "≤", r"\infty": "∞", r"\eta": "η", r"\prod": "∏", r"\max": "max",
         r"\min": "min", r"\_": "_", "-": "−", "'": "′", r"\begin{cases}": "{"}  # fmt: skip
SILENT = r"\\end\{cases\}|\\\\|\\(?:left|right|frac|sqrt|mathrm|text)(?![a-z])|\\,|(?<!\\)[{}&^_]|\s"


def checked(node):
    """Return the text of a tree, whose elements are known and have as many children as they need."""
    assert node["tag"] in TAGS
    assert ("text" in node) != ("children" in node)
    assert node.keys() <= {"tag", "text", "children", "attributes"}
    children = node.get("children", [])
    assert len(children) == CHILDREN.get(node["tag"], len(children))
    return node.get("text", "") + "".join(map(checked, children))


def visible(latex):
    """Return what is read of a text in LaTeX, sign after sign."""
    signs = [re.escape(sign) + ("(?![a-z])" if sign[-1].isalpha() else "") for sign in SIGNS]
    return re.sub("|".join([SILENT, *signs]), _sign, latex)


def _sign(found):
    return SIGNS.get(found[0], "")


def test_all_that_rules_are_written_in_is_shown_in_its_order():
    latex = [rule(text).latex() for text in texts()]
    for given, tree in zip(latex, run("return data.map(mathml)", latex), strict=True):
        shown = checked(tree).replace("\u00a0", "").replace(" ", "")
        assert shown == visible(given), given


def test_the_tree_of_a_formula():
    def row(*cells):
        kinds = ["right", "left"]
        return {"tag": "mtr", "children": [
            {"tag": "mtd", "children": [cell], "attributes": {"class": kind}}
            for cell, kind in zip(cells, kinds, strict=True)
        ]}  # fmt: skip

    def of(tag, *children):
        return {"tag": tag, "children": list(children)}

    def word(tag, text):
        return {"tag": tag, "text": text}

    v, arrow = word("mi", "v"), word("mo", "←")
    power = of("msup", word("mn", "0.9"), word("mi", "t"))
    fraction = of("mfrac", of("msup", word("mi", "g"), word("mn", "2")), of("msqrt", power))
    second = of("msub", word("mi", "v"), word("mn", "2"))
    expected = {
        "tag": "mtable", "attributes": {"displaystyle": "true"},
        "children": [row(v, of("mrow", arrow, fraction)), row(second, of("mrow", arrow, v))],
    }  # fmt: skip
    tree = run("return mathml(data)", "v &\\leftarrow \\frac{g^2}{\\sqrt{0.9^t}} \\\\\nv_{2} &\\leftarrow v")
    assert tree == {"tag": "math", "attributes": {"display": "block"}, "children": [expected]}


def test_any_text_has_a_tree_and_nothing_in_it_is_an_element():
    signs = [
        *"{}^_&'\\ab1.|()<>\"",
        *SIGNS,
        r"\frac",
        r"\sqrt",
        r"\left",
        r"\right",
        r"\begin",
        r"\end",
        r"\text",
        "\ud83d\ude00",
    ]
    random = np.random.default_rng(0)
    given = ["".join(random.choice(signs, size)) for size in range(60) for _ in range(5)]
    deep = [
        piece * 20_000 for piece in ("{", "^", "'", "_", r"\frac", r"\left(", r"\begin{cases}", r"\sqrt{", "&", r"\\")
    ]
    given += [*deep, r"\unknown{x}", r"\constructor", "__proto__", "<img src=x onerror=alert(1)>", ""]
    trees = run("const trees = data.map(mathml); return trees.slice(0, -14).concat(trees.slice(-5));", given)
    for tree in trees:
        checked(tree)
    unknown, *_, image, _ = map(checked, trees[-5:])
    assert unknown == r"\unknownx"
    assert image == "<imgsrc=xonerror=alert(1)>"


def test_a_million_signs_are_no_million_levels():
    code = "const depth = ({ children = [] }) => 1 + Math.max(0, ...children.slice(-9).map(depth));"
    found = run(f"{code} return data.map((sign) => depth(mathml(sign.repeat(1e6))));", ["{", "'", "^", "a^"])
    assert max(found) < 100
