"""CSV files on the page: what is read, what is refused with its line, and that nothing of a file does anything."""

import numpy as np
import pytest

from optimlab.lab.problems import data_folder
from optimlab.series.files import read_series
from tests.lab.explorer.javascript import differing, run

READ = """
const read = ({ text, options, column, time }) => {
  try {
    const table = readCsv(text, options);
    const { separator, decimal, columns, lines } = table;
    const series = column ? csvSeries(table, column, time) : null;
    if (series) series.label = series.label(series.values.length - 1);
    return { separator, decimal, columns, lines, series };
  } catch (error) {
    if (!(error instanceof Said)) throw error;
    return { said: error.message };
  }
};
return data.map(read);
"""
GOOD = {
    "commas": ("a,b\n1,2\n3,\n", {"a": [1, 3], "b": [2, np.nan]}),
    "a mark of order, CRLF, no end": ("\ufeffa;b\r\n1;2\r\n3;4", {"a": [1, 3], "b": [2, 4]}),
    "tabs": ("a\tb\n-1e3\t.5\n+2\t3.\n", {"a": [-1000, 2], "b": [0.5, 3]}),
    "a decimal comma": ("day;x\n2020-01-01;1,25\n2020-01-02;2,5\n", {"x": [1.25, 2.5]}),
    "a decimal comma in quotes": ('x,y\n"1,5",2\n"2,5",3\n', {"x": [1.5, 2.5], "y": [2, 3]}),
    "one column": ("x\n1\n\n3\n", {"x": [1, np.nan, 3]}),
    "one column, decimal comma": ("x\n1,5\n2,25\n", {"x": [1.5, 2.25]}),
    "words for gaps": ("x\n1\nNA\nn/a\nNaN\nnull\nNone\n", {"x": [1] + 5 * [np.nan]}),
    "quotes": ('"a ""b"", c",d\n1,"2"\n', {'a "b", c': [1], "d": [2]}),
    "a line break in quotes": ('t,x\n"one\ntwo",1\n', {"x": [1]}),
    "blank lines around": ("\n\na,b\n1,2\n\n", {"a": [1], "b": [2]}),
    "no name": (",x\n0,5\n1,6\n", {"column 1": [0, 1], "x": [5, 6]}),
    "text beside": ("x,<img onerror=alert(1)>\n1,<script>\n", {"x": [1], "<img onerror=alert(1)>": None}),
    "names of objects": ("__proto__,constructor\n1,2\n", {"__proto__": [1], "constructor": [2]}),
}
REFUSED = {
    "": "empty",
    " \n\n": "empty",
    "x\n": "no other",
    "1,2\n3,4\n": "must name the columns",
    "a,a\n1,2\n": '"a" twice',
    "a,b\n1,2\n3,4,5\n": "line 3 has 3 cells",
    "a,b\n1\n": "line 2 has 1 cells",
    "a,b;c\n1,2;3\n": "commas and semicolons both",
    "x;y\n1.5;2,5\n": "decimal point",
    "x;y\n1,500;2\n": "1.500 or 1500",
    "x\n1.5\n1,5\n": '"1,5" in line 3',
    "x\nabc\n1\n": '"abc" in line 2',
    "x\n03.04.2020\n": "no date like 2020-12-31",
    "x\n1\n<img src=x onerror=alert(1)>\n": '"<img src=x onerror=alert(1)>" in line 3',
    'x,y\n"1,2\n': "line 2: a quote opens here",
    'x,y\n"1"2,3\n': "line 2: a quote ends before",
    "PK\x03\x04\x00\x00": "binary",
    "x\n\ufffd\n": "binary",
    "x\nwhile(1){}\n": '"while(1){}" in line 2',
    "x\n" + "9" * 10**6 + "a\n": "…",
    "x" * 5_000_001: "5000001 characters",
    "x\n" + "1\n" * 200_001: "at most 200000 rows",
    ",".join(map(str, range(600))) + "\n": "more than the 500 cells",
    '"' * 10**5: "no other",
    "\n" * 10**5 + "x": "no other",
}


@pytest.fixture(scope="module")
def results():
    """What the page says of every text, by text."""
    texts = [*(text for text, _ in GOOD.values()), *REFUSED]
    return dict(zip(texts, run(READ, [{"text": text} for text in texts]), strict=True))


@pytest.mark.parametrize("name", GOOD)
def test_a_file_is_read(results, name):
    text, expected = GOOD[name]
    columns = {column["name"]: column for column in results[text]["columns"]}
    for key, values in expected.items():
        found = columns[key]["values"]
        assert found is None if values is None else differing(found, values) == 0, columns[key]
        assert bool(columns[key]["fault"]) == (values is None)


@pytest.mark.parametrize("text", REFUSED, ids=[repr(text[:30]) for text in REFUSED])
def test_a_file_is_refused_in_words(results, text):
    said = results[text]["said"]
    assert REFUSED[text] in said
    assert 10 < len(said) < 300


def test_a_choice_settles_what_a_file_leaves_open():
    ways = [
        ("a,b;c\n1,2;3\n", {"separator": ";", "decimal": ","}, {"a,b": [1.2], "c": [3]}),
        ("x;y\n1.5;2,5\n", {"decimal": ","}, {"x": None, "y": [2.5]}),
        ("x;y\n1,500;2\n", {"decimal": ","}, {"x": [1.5], "y": [2]}),
    ]
    for (_, _, expected), result in zip(
        ways, run(READ, [{"text": text, "options": options} for text, options, _ in ways]), strict=True
    ):
        found = {column["name"]: column["values"] for column in result["columns"]}
        assert {name: None if x is None else x.tolist() for name, x in found.items()} == expected


def test_the_files_of_the_project_are_those_that_python_reads():
    files = {
        "seattle-weather.csv": ("wind", "date"),
        "co2.csv": ("co2", "date"),
        "sunspots.csv": ("SUNACTIVITY", "YEAR"),
    }
    asked = [
        {"text": (data_folder() / file).read_text("utf-8"), "column": column, "time": time}
        for file, (column, time) in files.items()
    ]
    for (file, (column, time)), result in zip(files.items(), run(READ, asked), strict=True):
        expected = read_series(data_folder() / file, column, time)
        assert differing(result["series"]["values"], expected.to_numpy()) == 0
        days = expected.index.to_numpy()
        if days.dtype.kind == "M":
            days = days.astype("M8[ns]").astype(np.int64) / 864e11
        assert result["series"]["times"].tolist() == days.tolist()


def test_times_are_read_in_one_form_and_never_go_back():
    texts = {
        "t,x\n2020-02-29T12:00,1\n2020-03-01T06:30:30.5,2\n2020-03-01T06:30:31,3\n": [
            18321.5,
            18322.271186,
            18322.271192,
        ],
        "t,x\n2020-01-01T00:00+02:00,1\n2020-01-01T00:00Z,2\n2020-01-02T00:00-01:30,3\n": [
            18261.916667,
            18262,
            18263.0625,
        ],
        "t,x\n3,1\n3,1\n5,1\n": [3, 3, 5],
        "t,x\n2020-01-02,1\n2020-01-01,2\n2020-01-03,3\n": "comes after",
        "t,x\n2021-02-29,1\n2021-03-01,2\n2021-03-02,2\n": '"2021-02-29" in line 2',
        "t,x\n2020-01-01,1\n2020-01-02T00:00Z,2\n2020-01-03,3\n": "has no times",
        "t,x\n1,1\n,2\n3,3\n": "is no time",
        "t,x\n1,1\n2,\n3,3\n": "at least 3 numbers",
    }
    asked = [{"text": text, "column": "x", "time": "t"} for text in texts]
    for expected, result in zip(texts.values(), run(READ, asked), strict=True):
        if isinstance(expected, str):
            assert expected in result["said"]
        else:
            assert result["series"]["times"] == pytest.approx(expected, abs=1e-6)
