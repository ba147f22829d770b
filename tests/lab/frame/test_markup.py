from optimlab.lab.frame.markup import Markup, element, table


def test_text_and_attributes_are_escaped_and_markup_is_not():
    inner = element("b", '<1> & "2"', title='a "b" & <c>')
    assert inner == '<b title="a &quot;b&quot; &amp; &lt;c&gt;">&lt;1&gt; &amp; &quot;2&quot;</b>'
    assert element("p", inner, " < ", 3) == f"<p>{inner} &lt; 3</p>"
    assert isinstance(inner, Markup)


def test_attributes_lose_their_underscores():
    assert (
        element("i", class_="a", data_find="b", name="c", tag="d") == '<i class="a" data-find="b" name="c" tag="d"></i>'
    )


def test_a_table_has_a_head_and_a_body():
    row = element("tr", element("td", "x"), element("td", "<"))
    assert table(("a", "b & c"), [row, row], id="t") == (
        '<table id="t"><thead><tr><th scope="col">a</th><th scope="col">b &amp; c</th></tr></thead>'
        f"<tbody>{row}{row}</tbody></table>"
    )


def test_an_element_that_holds_nothing_has_no_end():
    assert element("img", src="a.png") == '<img src="a.png">'
