"""The page out of its files: one script in the order of its imports, under a policy that lets nothing else run."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from optimlab import adam
from optimlab.lab.explorer import build
from optimlab.lab.explorer.build import joined
from tests.lab.explorer.javascript import page, run, script

FOLDER = Path(build.__globals__["__file__"]).parent / "page"
MODULES = sorted(FOLDER.glob("*.js"))


class Elements(HTMLParser):
    """Tags and attributes of a page, and the texts of its styles and scripts."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.texts = [], {"script": "", "style": ""}
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        if self.cdata_elem:
            self.texts[self.cdata_elem] += data


def test_a_module_stands_after_those_that_it_imports_from():
    modules = {
        "a": 'import { c, f } from "./c.js";\nimport { b } from "./b.js";\nshow(b, c, f);\n',
        "b": 'import { c } from "./c.js";\nexport const b = c + 1;\n',
        "c": "export const c = 1;\nexport async function f() {}\nconst own = 2;\n",
    }
    lines = [line for line in joined(modules).splitlines() if line]
    assert lines == [
        '"use strict";', "const c = 1;", "async function f() {}", "const own = 2;", "const b = c + 1;", "show(b, c, f);"
    ]  # fmt: skip


def test_comments_and_margins_are_left_out():
    text = (
        '/** What it does. */\nexport function f() {\n  // why\n\n  /* a\n   * b */\n  return "  // no";  // kept\n}\n'
    )
    assert joined({"a": text}) == '"use strict";\nfunction f() {\nreturn "  // no";  // kept\n}\n'


@pytest.mark.parametrize(("modules", "said"), [
    ({"a": 'import { b } from "./b.js";\n'}, r"a\.js imports b from b\.js, which does not export it"),
    ({"a": 'import { b } from "./b.js";\n', "b": "const b = 1;\n"}, r"a\.js imports b from b\.js, which does not"),
    ({"a": 'import { b } from "./b.js";\nexport let a = 1;\n', "b": 'import { a } from "./a.js";\nexport let b = 1;\n'},
     "in a circle: (a -> b -> a|b -> a -> b)"),
    ({"a": "const one = 1;\n", "b": "export function one() {}\n"}, r"unique; one is in b\.js and a\.js"),
    ({"a": "export class Symbol {}\n"}, r"unique; Symbol is in a\.js and JavaScript"),
    ({"a": "const text = `one\n  two`;\n"}, "between backticks must be in one line, .* got 'const text = `one'"),
    ({"a": 'const end = "</script>";\n'}, "neither </script nor <!--"),
    ({"a": 'const sign = "<!-- so";\n'}, "neither </script nor <!--"),
    ({"a": 'import * as b from "./b.js";\n', "b": ""}, r"another form of import; got 'import \* as"),
    ({"a": "export default 1;\n"}, "another form of import; got 'export default 1;'"),
])  # fmt: skip
def test_what_cannot_be_one_script_is_refused(modules, said):
    with pytest.raises(ValueError, match=said):
        joined(modules)


def test_nothing_but_the_pages_own_script_and_style_may_run():
    found = Elements(page())
    (policy,) = [a["content"] for tag, a in found.tags if a.get("http-equiv") == "Content-Security-Policy"]
    allowed = dict(part.split(" ", 1) for part in policy.split("; "))
    assert allowed["default-src"] == "'none'"
    for kind in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(found.texts[kind].encode()).digest()).decode()
        assert allowed[f"{kind}-src"] == f"'sha256-{digest}'"
    assert allowed["img-src"] == "data: blob:"
    for _, attributes in found.tags:
        assert not {
            name for name in attributes if name.startswith("on") or name in ("src", "style", "srcset", "action")
        }
        assert not attributes.get("href", "").startswith(("http", "//"))


def test_it_is_one_file_of_at_most_300_kilobytes():
    assert len(page().encode()) <= 300_000


@pytest.mark.parametrize("path", MODULES, ids=[path.stem for path in MODULES])
def test_a_module_makes_no_html_out_of_text_and_no_code(path):
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|setAttribute\(\"(style|on)"
    )
    forbidden += r"|fetch\(|XMLHttpRequest|WebSocket|sendBeacon|import\(|localStorage|DOMParser|setTimeout\(\""
    assert not re.search(forbidden, path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", MODULES, ids=[path.stem for path in MODULES])
def test_a_module_is_short_and_keeps_to_the_style(path):
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    assert len(lines) <= 250
    assert max(map(len, lines)) <= 120
    assert not re.search(r"\t| $", text, re.M)
    assert not re.search(r"(?<![=!])==(?!=)|!=(?!=)|\bvar ", re.sub(r'"[^"\n]*"|`[^`]*`|//.*', "", text))


def test_only_the_page_and_its_pen_touch_the_document():
    for path in MODULES:
        if not path.stem.startswith("view_") and path.stem not in ("controls", "pen", "page"):
            assert not re.search(r"\b(document|window|navigator)\b[.\[]", path.read_text(encoding="utf-8")), path.name


def test_the_page_opens_with_what_is_asked_for():
    html = build(rules=["adam", "Ema(0.9) | Sign()"], surface="beale")
    code = "const { surface, contestants } = pageDefaults().optimizers; return [surface, contestants.map(textOf)];"
    surface, texts = run(code, html=html)
    assert surface == "beale"
    assert texts == [repr(adam()), "Ema(0.9) | Sign()"]
    code = "const { surface, formula } = pageDefaults().optimizers; return [surface, formula];"
    assert run(code, html=build(surface="x**2 + y**4")) == ["own", "x**2 + y**4"]


def test_what_the_page_opens_with_is_data():
    """A text that would end the script, or a line of it, is neither."""
    texts = ["</script><img src=x onerror=alert(1)>", "<!--", "\u2028\u2029", '"\\']
    html = build(rules=texts, surface="x < y")
    assert [tag for tag, _ in Elements(html).tags] == [tag for tag, _ in Elements(page()).tags]
    assert not re.search("[\u2028\u2029]", script(html))
    program = f"{script(html).split('const FACTS = ')[1].splitlines()[0]}"
    assert run("return JSON.parse(data).opening;", program.removesuffix(";")) == {"rules": texts, "surface": "x < y"}
