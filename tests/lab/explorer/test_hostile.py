"""What is typed, dropped or linked is never run and never becomes HTML: it is data, or an error in plain words."""

import json

import pytest

from tests.lab.explorer.javascript import run

TEXTS = {
    "markup": "<img src=x onerror=alert(1)>",
    "end of script": "</script><script>alert(1)</script>",
    "loop": "while(1)",
    "statement": "x; alert(1)",
    "call": "alert(1)",
    "arrow": "x=>x",
    "template": "`${alert(1)}`",
    "string": "'x'",
    "regex": "/(a+)+$/",
    "comment": "x // y",
    "million letters": "a" * 10**6,
    "million terms": "1+" * 500_000 + "1",
    "open brackets": "(" * 100_000,
    "nested brackets": "(" * 100_000 + "x" + ")" * 100_000,
    "short but deep": "(" * 900 + "x" + ")" * 900,
    "open lists": "[" * 100_000,
    "minuses": "-" * 100_000 + "x",
    "deep minuses": "-" * 1900 + "x",
    "deep powers": "x**" * 600 + "x",
    "constructor": "constructor",
    "called constructor": "constructor(constructor)",
    "prototype": "__proto__",
    "called prototype": "__proto__(1)",
    "toString": "toString",
    "valueOf": "valueOf()",
    "hasOwnProperty": "hasOwnProperty(1)",
    "attribute": "x.constructor.constructor",
    "index": "x[0]",
    "word prototype": "Ema(__proto__=1)",
    "word constructor": "Ema(0.9, constructor=1)",
    "this": "this",
    "global": "globalThis",
    "nothing": "",
    "blank": " \t\n ",
    "zero byte": "x\0",
    "line separator": "x\u2028+\u2029",
    "lone surrogate": "\ud800",
    "right to left": "\u202ex",
    "hexadecimal": "0x10",
    "too large": "1e999",
    "many digits": "9" * 400,
    "signs": "+ * / ** |",
}
EXPRESSIONS = {
    "call", "constructor", "called constructor", "prototype", "called prototype", "toString", "this", "loop", "valueOf",
    "hasOwnProperty", "global", "word prototype", "word constructor",
}  # fmt: skip
READ = """
return Object.entries(data).map(([name, text]) => {
  try {
    return [name, READER(text), null];
  } catch (error) {
    return [name, error.constructor.name, error.message];
  }
});
"""


@pytest.mark.parametrize("reader", ["parse", "readRule", "readSurface", "readCsv"])
def test_it_is_refused_in_plain_words(reader):
    """The reader of expressions takes what has no name that means something; all others say what is wrong."""
    for name, kind, message in run(READ.replace("READER", reader), TEXTS):
        if name in EXPRESSIONS and reader == "parse":
            assert message is None, (name, message)
        else:
            assert kind == "Said", (name, kind, message)
            assert 10 < len(message) < 1500, (name, message)


def test_names_of_objects_are_columns_like_any_other():
    text = "__proto__,constructor,toString\n1,2,3\n4,5,6\n"
    code = """
    const { columns } = readCsv(data);
    return [columns.map(({ name, values }) => [name, Array.from(values)]), Object.keys(Object.prototype)];
    """
    columns, touched = run(code, text)
    assert columns == [["__proto__", [1, 4]], ["constructor", [2, 5]], ["toString", [3, 6]]]
    assert touched == []


def test_a_link_sets_what_is_known_and_nothing_else():
    links = {
        "prototype": '{"__proto__": {"polluted": 1}}',
        "constructor": '{"constructor": {"prototype": {"polluted": 1}}}',
        "wrong kinds": '{"view": 1, "look": {}}',
        "no object": "[1, 2]",
        "null": "null",
        "no JSON": "<img src=x onerror=alert(1)>",
        "cut": '{"view": "optim',
        "deep": "[" * 50_000,
        "long": '"' + "a" * 10**6 + '"',
    }
    code = """
    const defaults = pageDefaults();
    return data.map((link) => {
      const { state, message } = stateOf(`#${encodeURIComponent(link)}`, defaults);
      return { same: JSON.stringify(state) === JSON.stringify(defaults), message, polluted: {}.polluted ?? null };
    });
    """
    for name, found in zip(links, run(code, list(links.values())), strict=True):
        assert found["same"], name
        assert found["message"].startswith(("This link sets", "The part of this link")), name
        assert found["polluted"] is None
    percent = run("return stateOf(data, pageDefaults()).message;", "#%E0%A4%A")
    assert percent.startswith("The part of this link")


def test_what_a_link_sets_is_read_back():
    """The harness sees a difference where there is one: the states above are the defaults for a reason."""
    code = "return stateOf(`#${encodeURIComponent(data)}`, pageDefaults());"
    found = run(code, json.dumps({"look": "dark"}))
    assert found["state"]["look"] == "dark"
    assert found["message"] == ""
