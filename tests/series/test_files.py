"""Files as people have them: what they mean, or a refusal whose remedy works."""

import bz2
import contextlib
import gzip
import importlib.util
import io
import lzma
import re
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optimlab import ema, read_series

NAN = float("nan")
TIMES = {"time": "t"}


def read(folder, content, options):
    path = folder / "own.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_series(path, **{"column": "v"} | options)


def column(*cells, name="v"):
    """A file of one column, every cell in quotes."""
    return "".join(f'"{cell}"\n' for cell in (name, *cells))


def timed(*times, sep=","):
    """A file of times and the values 1, 2, 3, ..."""
    return f"t{sep}v\n" + "".join(f"{time}{sep}{value}\n" for value, time in enumerate(times, 1))


def same(series, values, index):
    np.testing.assert_array_equal(series.to_numpy(), values)
    assert series.dtype == np.float64
    if index is None:
        assert isinstance(series.index, pd.RangeIndex)
    elif isinstance(index[0], str):
        assert [time.isoformat() for time in series.index] == [pd.Timestamp(time).isoformat() for time in index]
    else:
        assert series.index.tolist() == index
        assert series.index.dtype == np.array(index).dtype


READ = {
    "plain": ("a,v\n1,10\n2,20\n3,30\n", {}, [10, 20, 30], None),
    "a delimiter at the end of each row": ("v,w\n20.1,55,\n20.4,56,\n20.2,57,\n", {}, [20.1, 20.4, 20.2], None),
    "a delimiter at the end of the first row": ("v,w\n1,5,\n2,6\n3,7\n", {}, [1, 2, 3], None),
    "delimiters at the end of some rows": ("v,w\n1,5\n2,6,,,\n3,7,\n4,8,,,,,,\n", {}, [1, 2, 3, 4], None),
    "delimiters at the end of header and rows": ("v,w,,\n1,5,,\n2,6,,\n3,7,,\n", {}, [1, 2, 3], None),
    "a row that ends early": ("a,v\n1,10\n2\n3,30\n4,40\n", {}, [10, NAN, 30, 40], None),
    "empty rows at the end": ("a,v\n1,10\n2,20\n3,30\n,\n,\n", {}, [10, 20, 30], None),
    "an empty row within": ("a,v\n1,10\n,\n3,30\n4,40\n", {}, [10, NAN, 30, 40], None),
    "blank lines between rows": ("a,v\n\n1,10\n\n2,20\n  \n3,30\n\n\n", {}, [10, 20, 30], None),
    "blank lines in one column are gaps": ("v\n1\n\n3\n\n5\n\n\n", {}, [1, NAN, 3, NAN, 5], None),
    "empty quotes in one column are gaps": ('v\n1\n""\n3\n4\n', {}, [1, NAN, 3, 4], None),
    "blank lines before the header": ("\n\nv\n1\n2\n3\n", {}, [1, 2, 3], None),
    "blanks around names and cells": (" a , v \n 1 , 10 \n 2 , 20\n3 ,30 \n", {}, [10, 20, 30], None),
    "a name asked for with blanks": ("a, v\n1,10\n2,20\n3,30\n", {"column": " v"}, [10, 20, 30], None),
    "quotes after a blank": ('a, "v"\n1, "10"\n2, "20"\n3, "30"\n', {}, [10, 20, 30], None),
    "commas and line breaks in quotes": ('a,v\n"x, y",10\n"x\ny",20\n"say ""z""",30\n', {}, [10, 20, 30], None),
    "a line break in a name": ('"v\n(m)",w\n1,2\n2,3\n3,4\n', {"column": "v\n(m)"}, [1, 2, 3], None),
    "a nameless first column": (",v\n0,10\n1,20\n2,30\n", {}, [10, 20, 30], None),
    "a byte order mark": (b"\xef\xbb\xbfv,w\n1,2\n2,3\n3,4\n", {}, [1, 2, 3], None),
    "line ends of Windows": ("v,w\r\n1,2\r\n2,3\r\n3,4\r\n", {}, [1, 2, 3], None),
    "line ends of an old Mac": ("v,w\r1,2\r2,3\r3,4\r", {}, [1, 2, 3], None),
    "no line end at the end": ("v,w\n1,2\n2,3\n3,4", {}, [1, 2, 3], None),
    "words that mean a gap": (column(1, 2, 3, "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "<NA>",
                                     "#N/A", " "), {}, [1, 2, 3] + [NAN] * 11, None),
    "more words that mean a gap": (column(1, "-", 3, "ND", 5, "?", "."), {"na": ["-", "nd", "?", "."]},
                                   [1, NAN, 3, NAN, 5, NAN, NAN], None),
    "a number that means a gap": (column(1, "-999", 3, "-999.0", 5), {"na": "-999"}, [1, NAN, 3, NAN, 5], None),
    "forms of numbers": (column("+1", "-2.", ".5", "1e3", "1E-3", "007", "-inf", "Infinity"), {},
                         [1, -2, 0.5, 1000, 0.001, 7, -np.inf, np.inf], None),
    "a minus that is a minus": (column("−1", "−2.5", "3e−1"), {}, [-1, -2.5, 0.3], None),
    "all digits of a number": (column("0.1", "123456.789012345678", "2.2250738585072011e-308"), {},
                               [0.1, 123456.789012345678, 2.2250738585072011e-308], None),
    "decimal commas in quotes": (column("3,5", "3,7", "-1"), {"decimal": ","}, [3.5, 3.7, -1], None),
    "semicolons and decimal commas": ("v;w\n3,5;1\n3,7;1\n3,6;1\n", {"sep": ";", "decimal": ","},
                                      [3.5, 3.7, 3.6], None),
    "thousands with commas": (column("1,234", "1,234,567.5", "999", "12,34,567"), {"thousands": ","},
                              [1234, 1234567.5, 999, 1234567], None),
    "thousands with points": (column("1.234,5", "2", "1234567,25"), {"decimal": ",", "thousands": "."},
                              [1234.5, 2, 1234567.25], None),
    "thousands with blanks of all kinds": (column("1 234", "1\u00a0234\u202f567", "12\u2009345"), {"thousands": " "},
                                           [1234, 1234567, 12345], None),
    "thousands with apostrophes": (column("1'234.5", "1’234", "5"), {"thousands": "'"}, [1234.5, 1234, 5], None),
    "tabs": ("v\tw\n1\t2\n2\t\n3\t4\n", {"sep": "\t"}, [1, 2, 3], None),
    "columns between blanks": ("  w   v\n 1.5  10\n22.5 \t20\n 3.0  30 \n", {"sep": " "}, [10, 20, 30], None),
    "latin-1": ("café,v\n1,10\n2,20\n3,30\n".encode("latin-1"), {"encoding": "latin-1"}, [10, 20, 30], None),
    "lines to skip": ("Report\n\nv,w\nm,s\n1,5\n2,6\n3,7\nmean,2\n", {"skip": [1, 3, 7]}, [1, 2, 3], None),
    "titles longer than the header": ("a, b, c, d\nv,w\n1,5\n2,6\n3,7\n", {"skip": (1,)}, [1, 2, 3], None),
    "whole numbers as times": (timed(5, 7, 7), TIMES, [1, 2, 3], [5, 7, 7]),
    "times beyond 2**53": (timed(1704067200000000000, 1704067200000000100, 1704067200000000200), TIMES, [1, 2, 3],
                           [1704067200000000000, 1704067200000000100, 1704067200000000200]),
    "numbers as times": (timed("0.5", "1", "1e1"), TIMES, [1, 2, 3], [0.5, 1.0, 10.0]),
    "times in the convention of the file": (timed("1.000,5", "1.001", "2.000", sep=";"),
                                            TIMES | {"sep": ";", "decimal": ",", "thousands": "."},
                                            [1, 2, 3], [1000.5, 1001.0, 2000.0]),
    "eight digits": (timed(20260130, 20260131, 20260201), TIMES, [1, 2, 3], ["2026-01-30", "2026-01-31", "2026-02-01"]),
    "eight digits of which one is no date": (timed(20260101, 20260131, 20260132), TIMES, [1, 2, 3],
                                             [20260101, 20260131, 20260132]),
    "eight digits that count": (timed(12345000, 12345010, 12345020), TIMES, [1, 2, 3], [12345000, 12345010, 12345020]),
    "the first and the last eight digits": (timed(17000101, 17000102, 21991231), TIMES, [1, 2, 3],
                                            ["1700-01-01", "1700-01-02", "2199-12-31"]),
    "eight digits of an early year": (timed(16991230, 16991231, 17000101), TIMES, [1, 2, 3],
                                      [16991230, 16991231, 17000101]),
    "eight digits of a late year": (timed(21991230, 21991231, 22000101), TIMES, [1, 2, 3],
                                    [21991230, 21991231, 22000101]),
    "ISO dates": (timed("2024-01-31", "2024-02-01", "2024-02-02"), TIMES, [1, 2, 3],
                  ["2024-01-31", "2024-02-01", "2024-02-02"]),
    "ISO dates that a month-first eye misreads": (timed("2024-01-02", "2024-02-02", "2024-03-02"),
                                                  TIMES | {"dayfirst": True}, [1, 2, 3],
                                                  ["2024-01-02", "2024-02-02", "2024-03-02"]),
    "ISO times of any length": (timed("2024-01-31 23:00", "2024-01-31T23:00:01", "2024-01-31 23:00:01.5",
                                      '"2024-01-31 23:00:01,75"', "2024-02-01", "20240201T01", "20240201T010203"),
                                TIMES, range(1, 8),
                                ["2024-01-31T23:00", "2024-01-31T23:00:01", "2024-01-31T23:00:01.5",
                                 "2024-01-31T23:00:01.75", "2024-02-01", "2024-02-01T01:00", "2024-02-01T01:02:03"]),
    "nanoseconds": (timed("2024-01-31T00:00:00", "2024-01-31T00:00:00.000000001", "2024-01-31T00:00:01"), TIMES,
                    [1, 2, 3], ["2024-01-31T00:00:00", "2024-01-31T00:00:00.000000001", "2024-01-31T00:00:01"]),
    "a change of clocks": (timed("2024-03-30T12:00+01:00", "2024-03-31T12:00+02:00", "2024-04-01T12:00+0200"), TIMES,
                           [1, 2, 3], ["2024-03-30T11:00Z", "2024-03-31T10:00Z", "2024-04-01T10:00Z"]),
    "UTC": (timed("2024-03-30T12:00Z", "2024-03-31T12:00Z", "2024-03-31T12:00:01 +00:00"), TIMES, [1, 2, 3],
            ["2024-03-30T12:00Z", "2024-03-31T12:00Z", "2024-03-31T12:00:01Z"]),
    "a day above 12 settles it": (timed("11/12/2023", "12/12/2023", "13/12/2023"), TIMES, [1, 2, 3],
                                  ["2023-12-11", "2023-12-12", "2023-12-13"]),
    "so does a month first": (timed("12/11/2023 9:05", "12/12/2023 9:05", "12/13/2023 9:05"), TIMES, [1, 2, 3],
                              ["2023-12-11T09:05", "2023-12-12T09:05", "2023-12-13T09:05"]),
    "both readings are one": (timed("01.01.2024", "02.02.2024", "03.03.2024"), TIMES, [1, 2, 3],
                              ["2024-01-01", "2024-02-02", "2024-03-03"]),
    "the day first": (timed(*(f"01.{month:02d}.2024" for month in range(1, 7))), TIMES | {"dayfirst": True},
                      range(1, 7), [f"2024-{month:02d}-01" for month in range(1, 7)]),
    "the year first": (timed("2024/01/02", "2024/02/02", "2024/03/02"), TIMES | {"dayfirst": True}, [1, 2, 3],
                       ["2024-01-02", "2024-02-02", "2024-03-02"]),
    "months by name": (timed("31 May 2024", "1 June 2024", "2 July 2024"), TIMES, [1, 2, 3],
                       ["2024-05-31", "2024-06-01", "2024-07-02"]),
    "half days": (timed('"Dec 31, 2023 11:59 PM"', '"Jan 1, 2024 12:00 AM"', '"Jan 1, 2024 1:30 am"'), TIMES,
                  [1, 2, 3], ["2023-12-31T23:59", "2024-01-01T00:00", "2024-01-01T01:30"]),
    "offsets in other formats": (timed("30.03.2024 12:00:00.5 +0100", "31.03.2024 12:00:00.5 +0200",
                                       "01.04.2024 12:00:00.0 +0200"), TIMES, [1, 2, 3],
                                 ["2024-03-30T11:00:00.5Z", "2024-03-31T10:00:00.5Z", "2024-04-01T10:00Z"]),
    "a letter between date and time": (timed("31-12-2023T10:00", "01-01-2024T10:00", "02-01-2024T10:00"), TIMES,
                                       [1, 2, 3], ["2023-12-31T10:00", "2024-01-01T10:00", "2024-01-02T10:00"]),
    "signs of percent in dates": (timed("31%05%2024", "01%06%2024", "02%06%2024"), TIMES, [1, 2, 3],
                                  ["2024-05-31", "2024-06-01", "2024-06-02"]),
    "a format with an offset that is named": (timed("1.2.24 +0100", "2.2.24 +0200", "3.2.24 +0200"),
                                              TIMES | {"time_format": "%d.%m.%y %z"}, [1, 2, 3],
                                              ["2024-01-31T23:00Z", "2024-02-01T22:00Z", "2024-02-02T22:00Z"]),
    "a format that is named": (timed("2024-W01-1", "2024-W02-1", "2024-W03-1"), TIMES | {"time_format": "%G-W%V-%u"},
                               [1, 2, 3], ["2024-01-01", "2024-01-08", "2024-01-15"]),
    "years as dates": (timed(2022, 2023, 2024), TIMES | {"time_format": "%Y"}, [1, 2, 3],
                       ["2022-01-01", "2023-01-01", "2024-01-01"]),
}  # fmt: skip


@pytest.mark.parametrize(("content", "options", "values", "index"), READ.values(), ids=READ)
def test_what_a_file_means(content, options, values, index, tmp_path):
    same(read(tmp_path, content, options), list(values), index)


ISO3 = ["2024-01-31", "2024-02-01", "2024-02-02"]

# What is said, and each remedy in it with what comes out: options as they are spelled there, or another file.
REFUSED = {
    "an unquoted decimal comma": (
        "t,v\n2024-01-31,3,5\n2024-02-01,3,7\n2024-02-02,3,6\n", {},
        "the 2 cells of its header in each row; got '5' beyond them in data row 1 (line 2); put cells that hold ',' in",
        [('t,v\n1,"3,5"\n1,"3,7"\n1,"3,6"\n', {"decimal": ","}, [3.5, 3.7, 3.6], None)]),
    "row numbers without a name": ("v,w\n0,1,5\n1,2,6\n2,3,7\n", {}, "got '5' beyond them in data row 1 (line 2)",
                                   [("n,v,w\n0,1,5\n1,2,6\n2,3,7\n", {}, [1, 2, 3], None)]),
    "a longer row within": ("v,w\n1,5\n2,6\n3,7,8\n4,9\n", {}, "got '8' beyond them in data row 3 (line 4)",
                            [(None, {"skip": [4]}, [1, 2, 4], None)]),
    "a footer with commas": ("Levels\nv,w\n1,5\n2,6\n\n3,7\nfrom: a, b, c\n", {"skip": [1]},
                             "got 'c' beyond them in data row 4 (line 6)", [(None, {"skip": [1, 6]}, [1, 2, 3], None)]),
    "semicolons": ("t;v\n1;10\n2;20\n3;30\n", {}, "has no column 'v'; it has 't;v'",
                   [(None, {"sep": ";"}, [10, 20, 30], None)]),
    "semicolons, decimal commas": ("t;v\n1;1,5\n2;2,5\n3;3\n", {}, "has no column 'v'; it has 't;v'",
                                   [(None, [{"sep": ";"}, {"decimal": ","}], [1.5, 2.5, 3], None)]),
    "unnoticed tabs": ("t\tv\n1\t10\n2\t20\n3\t30\n", {}, "has no column 'v'",
                       [(None, {"sep": "\t"}, [10, 20, 30], None)]),
    "unnoticed bars": ("t|v\n1|10\n2|20\n3|30\n", {}, "has no column 'v'", [(None, {"sep": "|"}, [10, 20, 30], None)]),
    "unnoticed blanks": ("t  v\n1 10\n2 20\n3 30\n", {}, "has no column 'v'",
                         [(None, {"sep": " "}, [10, 20, 30], None)]),
    "titles": ("Levels of 2024\n(made by, a, logger)\nt,v\n1,10\n2,20\n3,30\n", {}, "it has 'Levels of 2024'",
               [(None, {"skip": [1, 2]}, [10, 20, 30], None)]),
    "a hint for a spreadsheet": ("sep=;\nt;v\n1;10\n2;20\n3;30\n", {}, "it has 'sep=;'",
                                 [(None, {"sep": ";", "skip": [1]}, [10, 20, 30], None)]),
    "no such column": ("a,b\n1,2\n", {}, "has no column 'v'; it has 'a', 'b'",
                       [("a,v\n1,2\n1,3\n1,4\n", {}, [2, 3, 4], None)]),
    "two of one name": ("v,v\n1,10\n2,20\n3,30\n", {}, "must have one column 'v'; got 2; rename the others",
                        [("w,v\n1,10\n2,20\n3,30\n", {}, [10, 20, 30], None)]),
    "two times of one name": ("t,t,v\n1,1,10\n2,1,20\n3,1,30\n", TIMES, "must have one column 't'; got 2",
                              [("t,u,v\n1,1,10\n2,1,20\n3,1,30\n", TIMES, [10, 20, 30], [1, 2, 3])]),
    "a decimal comma": (column("3,5", "3,7", "3"), {},
                        "must hold numbers; got '3,5' in data row 1 (line 2); use decimal=',' (3.5)",
                        [(None, {"decimal": ","}, [3.5, 3.7, 3], None)]),
    "a decimal point": (column("3.5", "3", "2"), {"decimal": ","}, "got '3.5'",
                        [(None, {"decimal": "."}, [3.5, 3, 2], None)]),
    "decimals or thousands": (column("12", "1,234", "1,567"), {}, "use decimal=',' (1.234) or thousands=',' (1234)",
                              [(None, {"thousands": ","}, [12, 1234, 1567], None),
                               (None, {"decimal": ","}, [12, 1.234, 1.567], None)]),
    "thousands that decide": (column("1,234", "1,234,567", "1"), {}, "got '1,234' in data row 1",
                              [(None, {"thousands": ","}, [1234, 1234567, 1], None)]),
    "thousands and a decimal comma": (column("1.234,5", "2,25", "1"), {}, "use decimal=',', thousands='.' (1234.5)",
                                      [(None, {"decimal": ",", "thousands": "."}, [1234.5, 2.25, 1], None)]),
    "thousands with points alone": (column("1.234.567", "1.234.568", "1.234.569"), {}, "got '1.234.567'",
                                    [(None, {"decimal": ",", "thousands": "."}, [1234567, 1234568, 1234569], None)]),
    "blanks for thousands": (column("12 345", "1 234.5", "5"), {}, "got '12 345'",
                             [(None, {"thousands": " "}, [12345, 1234.5, 5], None)]),
    "apostrophes for thousands": (column("12'345", "5", "6"), {}, "got \"12'345\"",
                                  [(None, {"thousands": "'"}, [12345, 5, 6], None)]),
    "a comma that is no separator of thousands": (column("3,5", "3", "4"), {"thousands": ","}, "got '3,5'",
                                                  [(None, {"decimal": ",", "thousands": None}, [3.5, 3, 4], None)]),
    "a decimal comma after a sign": (column("-", *["3,5", "4"] * 9), {},
                                     "got '3,5' in data row 2 (line 3); use decimal=",
                                     [(None, [{"decimal": ","}, {"na": ["-"]}], [NAN] + [3.5, 4] * 9, None)]),
    "words": (column(1, "-", 3, "?", 5), {}, "must hold numbers; got '-' in data row 2 (line 3)",
              [(None, {"na": ["-", "?"]}, [1, NAN, 3, NAN, 5], None), (None, {"skip": [3, 5]}, [1, 3, 5], None)]),
    "a word in many rows": (column(1, 2, 3, *["n.d."] * 20), {}, "got 'n.d.' in data row 4 (line 5); use na=",
                            [(None, {"na": ["n.d."]}, [1, 2, 3] + [NAN] * 20, None)]),
    "one more word": (column(1, "-", 3, "ND", 5), {"na": "-"}, "got 'ND' in data row 4 (line 5)",
                      [(None, {"na": ["-", "ND"]}, [1, NAN, 3, NAN, 5], None)]),
    "a row of units": ("t,v\ns,°C\n1,10\n2,20\n3,30\n", TIMES, "got '°C' in data row 1 (line 2)",
                       [(None, {"skip": [2]}, [10, 20, 30], [1, 2, 3]),
                        (None, [{"na": ["°C"]}, {"skip": [2]}], [10, 20, 30], [1, 2, 3])]),
    "a footer": ("t,v\n1,10\n2,20\n3,30\nmean,20\n", TIMES, "column 't'",
                 [(None, {"skip": [5]}, [10, 20, 30], [1, 2, 3])]),
    "currencies": (column(*["$5.00"] * 6), {}, "got '$5.00' in data row 1 (line 2); use numbers alone in its cells",
                   [(column(*["5.00"] * 6), {}, [5] * 6, None)]),
    "a compressed file with another name": (gzip.compress(b"v\n1\n3\n2\n"), {},
                                            "use a name that says how it is compressed",
                   [(b"v\n1\n3\n2\n", {}, [1, 3, 2], None)]),
    "percents": (column("1", "5 %", "3", "4"), {}, "got '5 %' in data row 2 (line 3)",
                 [(None, {"skip": [3]}, [1, 3, 4], None)]),
    "brackets": (column(*["(1)"] * 9), {}, "got '(1)' in data row 1 (line 2); use numbers alone in its cells",
                 [(column("-1", "-1", "-1"), {}, [-1, -1, -1], None)]),
    "five rows of percents": (column(*["5 %"] * 5, 1, 2, 3), {}, "got '5 %' in data row 1",
                              [(None, {"skip": [2, 3, 4, 5, 6]}, [1, 2, 3], None)]),
    "six rows of percents": (column(*["5 %"] * 6, 1, 2, 3), {},
                             "in data row 1 (line 2); use numbers alone in its cells",
                             [(column(1, 2, 3), {}, [1, 2, 3], None)]),
    "underscores": (column("1_000", "2", "3", "4"), {}, "got '1_000'", [(None, {"skip": [2]}, [2, 3, 4], None)]),
    "figures of another script": (column("١", "2", "3", "4"), {}, "got '١'", [(None, {"skip": [2]}, [2, 3, 4], None)]),
    "too few": (column(1, 2), {}, "must hold at least 3 numbers; got 2", [(column(1, 2, 3), {}, [1, 2, 3], None)]),
    "a header alone": ("t,v\n", TIMES, "must hold at least 3 numbers; got 0",
                       [(timed(1, 2, 3), TIMES, [1, 2, 3], [1, 2, 3])]),
    "day or month": (timed("01.01.2024", "01.02.2024", "01.03.2024"), TIMES,
                     "way; got another in data row 2; use dayfirst=True (2024-02-01) or dayfirst=False (2024-01-02)",
                     [(None, {"dayfirst": True}, [1, 2, 3], ["2024-01-01", "2024-02-01", "2024-03-01"]),
                      (None, {"dayfirst": False}, [1, 2, 3], ["2024-01-01", "2024-01-02", "2024-01-03"])]),
    "the month is not first": (timed("11/12/2023", "12/12/2023", "13/12/2023"), TIMES | {"dayfirst": False},
                               "dates in the format '%m/%d/%Y'; got '13/12/2023' in data row 3 (line 4)",
                               [(None, {"time_format": "%d/%m/%Y"}, [1, 2, 3],
                                 ["2023-12-11", "2023-12-12", "2023-12-13"])]),
    "two orders in one column": (timed("12/13/2023", "13/12/2023", "12/14/2023", "12/15/2023"), TIMES,
                                 "dates in the format '%m/%d/%Y'; got '13/12/2023' in data row 2 (line 3)",
                                 [(None, {"skip": [3]}, [1, 3, 4], ["2023-12-13", "2023-12-14", "2023-12-15"])]),
    "month and year": (timed("Jan-10", "Feb-10", "Mar-10"), TIMES,
                       "must hold whole dates that can be read in one way; got another in data row 1; use time_format=",
                       [(None, {"time_format": "%b-%y"}, [1, 2, 3], ["2010-01-01", "2010-02-01", "2010-03-01"])]),
    "month and year in figures": (timed("2024-01", "2024-02", "2024-03"), TIMES, "use time_format='%Y-%m' (2024-01-01)",
                                  [(None, {"time_format": "%Y-%m"}, [1, 2, 3],
                                    ["2024-01-01", "2024-02-01", "2024-03-01"])]),
    "day and month": (timed("30.01.", "31.01.", "01.02."), TIMES,
                      "must hold numbers or dates; got '30.01.' in data row 1",
                      [(timed("31.01.2024", "01.02.2024", "02.02.2024"), TIMES | {"time_format": "%d.%m.%Y"}, [1, 2, 3],
                        ISO3)]),
    "clock times": (timed("12:30", "12:45", "13:00"), TIMES, "use time_format='%H:%M' (1900-01-01 12:30:00)",
                    [(None, {"time_format": "%H:%M"}, [1, 2, 3],
                      ["1900-01-01T12:30", "1900-01-01T12:45", "1900-01-01T13:00"])]),
    "years of two digits": (timed("1/2/23", "1/3/24", "1/4/25"), TIMES,
                            "use time_format='%d/%m/%y' (2023-02-01) or time_format='%m/%d/%y' (2023-01-02)",
                            [(None, {"time_format": "%d/%m/%y"}, [1, 2, 3], ["2023-02-01", "2024-03-01", "2025-04-01"]),
                             (None, {"time_format": "%m/%d/%y"}, [1, 2, 3],
                              ["2023-01-02", "2024-01-03", "2025-01-04"])]),
    "an unknown format": (timed("2024W01", "2024W02", "2024W03"), TIMES,
                          "got '2024W01' in data row 1 (line 2); use time_format= with the format of the dates or skip",
                          [(timed("2024W011", "2024W021", "2024W031"), TIMES | {"time_format": "%GW%V%u"}, [1, 2, 3],
                            ["2024-01-01", "2024-01-08", "2024-01-15"])]),
    "another format than is named": (timed("1.2.2024", "2.2.2024", "13.2.2024"), TIMES | {"time_format": "%m.%d.%Y"},
                                     "dates in the format '%m.%d.%Y'; got '13.2.2024' in data row 3",
                                     [(None, {"time_format": "%d.%m.%Y"}, [1, 2, 3],
                                       ["2024-02-01", "2024-02-02", "2024-02-13"])]),
    "ISO dates and another format": (timed(*ISO3), TIMES | {"time_format": "%d.%m.%Y"},
                                     "got '2024-01-31' in data row 1",
                                     [(None, {"time_format": "ISO8601"}, [1, 2, 3], ISO3)]),
    "with an offset and without": (timed(*ISO3[:2], "2024-02-01T00:00Z", ISO3[2]), TIMES,
                                   "the format 'ISO8601' without an offset; got '2024-02-01T00:00Z' in data row 3",
                                   [(None, {"skip": [4]}, [1, 2, 4], ISO3)]),
    "a day that is none": (timed(ISO3[0], "2024-02-30", *ISO3[1:]), TIMES, "got '2024-02-30' in data row 2 (line 3)",
                           [(None, {"skip": [3]}, [1, 3, 4], ISO3)]),
    "a day that is none in the format": (timed("31.1.2024", "31.2.2024", "1.2.2024", "2.2.2024"),
                                         TIMES | {"time_format": "%d.%m.%Y"},
                                         "got '31.2.2024' in data row 2 (line 3); use skip=[3] to leave out",
                                         [(None, {"skip": [3]}, [1, 3, 4], ISO3)]),
    "no time": (timed(*ISO3, ""), TIMES, "got '' in data row 4 (line 5)", [(None, {"skip": [5]}, [1, 2, 3], ISO3)]),
    "no first time": (timed("", "--", *ISO3), TIMES, "must hold numbers or dates; got '' in data row 1 (line 2)",
                      [(None, [{"skip": [2]}, {"skip": [2, 3]}], [3, 4, 5], ISO3)]),
    "a sign for a time": (timed("--", *ISO3), TIMES, "must hold numbers or dates; got '--'",
                          [(None, {"skip": [2]}, [2, 3, 4], ISO3)]),
    "times with decimal commas": (timed('"0,5"', '"1,5"', '"2,5"'), TIMES, "must hold numbers or dates; got '0,5'",
                                  [(None, {"decimal": ","}, [1, 2, 3], [0.5, 1.5, 2.5])]),
    "a decimal comma among dates": (timed(*ISO3, '"3,5"'), TIMES, "got '3,5' in data row 4 (line 5); use skip=[5] to",
                                    [(None, {"skip": [5]}, [1, 2, 3], ISO3)]),
    "an endless time": (timed(1, 2, 3, "inf"), TIMES, "must hold numbers; got 'inf' in data row 4",
                        [(None, {"skip": [5]}, [1, 2, 3], [1, 2, 3])]),
    "a time beyond 64 bits": (timed(1, 2, 2**62, 2**63), TIMES, "got '9223372036854775808' in data row 4",
                              [(None, {"skip": [5]}, [1, 2, 3], [1, 2, 2**62])]),
    "newest first": (timed(3, 2, 1), TIMES,
                     "sort the rows by time first: 2 in data row 2 comes after 3; use sort=True",
                     [(None, {"sort": True}, [3, 2, 1], [1, 2, 3])]),
    "newest first, with ties": (timed(3, 2, 2, 1), TIMES, "use sort=True",
                                [(None, {"sort": True}, [4, 3, 2, 1], [1, 2, 2, 3])]),
    "ties, then an earlier time": (timed(1, 1, 3, 2), TIMES, "2 in data row 4 comes after 3; use sort=True",
                                   [(None, {"sort": True}, [1, 2, 4, 3], [1, 1, 2, 3])]),
    "not UTF-8": ("café,v\n1,10\n2,20\n3,30\n".encode("latin-1"), {}, "is no text in utf-8",
                  [(None, {"encoding": "latin-1"}, [10, 20, 30], None)]),
    "UTF-16": ("t\tv\n1\t10\n2\t20\n3\t30\n".encode("utf-16"), {"sep": "\t"}, "is no text in utf-8",
               [(None, {"encoding": "utf-16"}, [10, 20, 30], None)]),
    "an unknown encoding": (b"v,\xe9\n1,1\n2,2\n3,3\n", {"encoding": "latin-9000"},
                            "is no text in latin-9000: unknown encoding",
                            [(None, {"encoding": "latin-1"}, [1, 2, 3], None)]),
    "nothing": ("", {}, "is not a CSV table with a header line: No columns", [(column(1, 2, 3), {}, [1, 2, 3], None)]),
    "a quote that is left open": ('v,w\n1,"x\n2,y\n3,z\n', {},
                                  "is not a CSV table with a header line: Error tokenizing",
                                  [('v,w\n1,"x"\n2,y\n3,z\n', {}, [1, 2, 3], None)]),
    "options for no times": (column(1, 2, 3), {"dayfirst": True},
                             "dayfirst, sort, time_format are for a column of times; use time=",
                             [(timed(1, 2, 3), TIMES, [1, 2, 3], [1, 2, 3])]),
}  # fmt: skip


@pytest.mark.parametrize(("content", "options", "message", "remedies"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_names_the_row_and_a_remedy_that_works(content, options, message, remedies, tmp_path):
    for repaired, steps, values, index in remedies:
        followed = options
        with pytest.raises(ValueError, match=re.escape(message)) as refusal:
            read(tmp_path, content, options)
        if repaired is not None:
            same(read(tmp_path, repaired, options | steps), values, index)
            continue
        *before, last = steps if isinstance(steps, list) else [steps]
        for step in before:  # a remedy may lead to the next refusal
            followed = spelled(step, refusal, followed)
            with pytest.raises(ValueError, match="; use ") as refusal:
                read(tmp_path, content, followed)
        same(read(tmp_path, content, spelled(last, refusal, followed)), values, index)


def spelled(step, refusal, options):
    """Follow a remedy that the refusal spells out."""
    said = str(refusal.value).rpartition("; use ")[2]
    for name, value in step.items():
        assert f"{name}={value!r}" in said
    return options | step


def test_the_table_is_long():
    assert len(READ) + len(REFUSED) >= 60


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"sep": ";;"}, ValueError, "sep must be one character, such as ';' or '\\t'; got ';;'"),
        ({"sep": "\n"}, ValueError, "sep must be one character"),
        ({"sep": None}, ValueError, "sep must be one character"),
        ({"decimal": ";"}, ValueError, "decimal must be one of '.', ','; got ';'"),
        ({"decimal": None}, TypeError, "decimal must be one of"),
        ({"thousands": "_"}, ValueError, "thousands must be one of"),
        ({"thousands": "."}, ValueError, "thousands must be one of ',', ' ', \"'\"; got '.'"),
        ({"sort": True}, ValueError, "use time= with its name"),
        ({"column": 3}, TypeError, "column and time must be names; got 3; use '3'"),
        ({"time": 3}, TypeError, "column and time must be names; got 3; use '3'"),
        ({"time": "t", "sort": "no"}, TypeError, "sort must be True or False; got 'no'"),
        ({"time": "t", "dayfirst": "no"}, TypeError, "dayfirst must be True or False; got 'no'"),
        ({"na": -999}, TypeError, "na must hold words; got -999; use na='-999'"),
        ({"na": ["x", -9]}, TypeError, "na must hold words; got -9; use na='-9'"),
        ({"skip": [0]}, ValueError, "skip must be a whole number of at least 1; got 0"),
        ({"skip": [1.5]}, TypeError, "skip must be a whole number of at least 1; got 1.5"),
        ({"skip": 3}, TypeError, "skip must hold numbers of lines; got 3; use skip=[3]"),
        ({"time": "t", "time_format": "mixed"}, ValueError, "time_format must be a format of strptime"),
        ({"time": "t", "time_format": "%Q"}, ValueError, "such as '%d.%m.%Y'; got '%Q'"),
        ({"time_format": "%Y"}, ValueError, "dayfirst, sort, time_format are for a column of times"),
    ],
)  # fmt: skip
def test_options_are_checked_before_the_file(options, error, message, tmp_path):
    with pytest.raises(error, match=re.escape(message)):
        read_series(tmp_path / "none.csv", **{"column": "v"} | options)


@pytest.mark.skipif(int(pd.__version__.partition(".")[0]) < 3, reason="cells end at a zero byte before pandas 3")
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark(encoding, tmp_path):
    content = "v,w\n1,2\n2,3\n3,4\n".encode(encoding)
    with pytest.raises(ValueError, match=rf"has no column 'v'.*; use encoding='{encoding}'$"):
        read(tmp_path, content, {})
    same(read(tmp_path, content, {"encoding": encoding}), [1, 2, 3], None)


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_series(tmp_path / "none.csv", "v")
    with pytest.raises(IsADirectoryError):
        read_series(tmp_path, "v")


def test_the_half_life_of_the_right_dates(tmp_path):
    text = timed(*(f"01.{month:02d}.2024" for month in range(1, 7)))
    series = read(tmp_path, text, TIMES | {"dayfirst": True})
    assert ema(series, halflife="30D", times=series.index).iloc[-1] == pytest.approx(5.110, abs=5e-4)


def test_pandas_is_asked_for_by_the_name_of_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"read_series needs pandas, .*optimlab\[lab\]"):
        read(tmp_path, column(1, 2, 3), {})


# Long files come in pieces.


@pytest.fixture
def short_pieces(monkeypatch):
    monkeypatch.setattr("optimlab.series.files._PIECE", 1000)


def test_pieces_join(tmp_path, short_pieces):
    rows = 60_000
    text = timed(*range(2**60, 2**60 + rows))
    series = read(tmp_path, text, TIMES)
    np.testing.assert_array_equal(series, np.arange(1, rows + 1))
    np.testing.assert_array_equal(series.index, 2**60 + np.arange(rows))


def test_empty_rows_at_the_edge_of_a_piece(tmp_path, short_pieces):
    cells = [str(k) if k < 990 or 1010 < k < 1500 else "" for k in range(1600)]
    expected = [float(cell or "nan") for cell in cells[:1500]]
    same(read(tmp_path, "v\n" + "\n".join(cells), {}), expected, None)
    same(read(tmp_path, "v,w\n" + "\n".join(f'{cell},""' for cell in cells), {}), expected, None)
    same(read(tmp_path, "v,w\n" + ",,,\n".join(cells), {}), expected, None)
    same(read(tmp_path, "v,w\n" + "".join(f"{k},\n" for k in range(900)) + ",\n" * 60_000, {}), range(900), None)


@pytest.mark.parametrize("late", [1500, 70_000])
def test_longer_rows_in_a_late_piece(late, tmp_path, short_pieces):
    lines = [f"{k},{k}" for k in range(80_000)]
    for k, extra in ((late, ",,"), (late + 100, "," * 9), (late + 101, ",")):
        lines[k] += extra
    same(read(tmp_path, "\n".join(["w,v", *lines]), {}), list(range(80_000)), None)
    lines[late + 200] += ",,x"
    with pytest.raises(ValueError, match=rf"got 'x' beyond them in data row {late + 201} \(line {late + 202}\)"):
        read(tmp_path, "\n".join(["w,v", *lines]), {})


def test_a_late_row_decides_or_is_refused(tmp_path, short_pieces):
    days = [f"{1 + k % 12:02d}/01/{1000 + k:04d}" for k in range(700, 1260) for _ in range(5)]
    with pytest.raises(ValueError, match=r"dayfirst=True \(1700-01-05\) or dayfirst=False \(1700-05-01\)"):
        read(tmp_path, timed(*days), TIMES)
    assert read(tmp_path, timed(*days, "13/01/2260"), TIMES).index[-1] == pd.Timestamp("2260-01-13")
    with pytest.raises(ValueError, match="got 'x' in data row 2801"):
        read(tmp_path, timed(*days, "x"), TIMES)
    with pytest.raises(ValueError, match="got 'x' in data row 5000 "):
        read(tmp_path, column(*range(4999), "x"), {})


def test_a_wide_file(tmp_path):
    names = [f"c{k}" for k in range(3000)]
    text = "\n".join([",".join(names), *(",".join(str(row * 3000 + k) for k in range(3000)) for row in range(5))])
    same(read(tmp_path, text, {"column": "c2999"}), [2999, 5999, 8999, 11999, 14999], None)
    with pytest.raises(ValueError, match=r"it has 'c0', .*'c19', \.\.\.$"):
        read(tmp_path, text, {})
    with pytest.raises(ValueError, match=r"not a CSV table .* Expected 2 fields in line 3, saw 20002"):
        read(tmp_path, "v,w\n1,2\n" + "," * 20_001, {})


numbers = st.floats(allow_nan=False, allow_infinity=True) | st.floats(-1e6, 1e6).map(lambda x: round(x, 2))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(st.none() | numbers, min_size=3, max_size=30),
    start=st.integers(-(2**62), 2**62),
    sep=st.sampled_from(",;\t|"),
    decimal=st.sampled_from(".,"),
    quoting=st.sampled_from([0, 1]),
    gap=st.sampled_from(["", "NA", "-"]),
)
def test_what_pandas_writes_is_read_back_to_the_bit(values, start, sep, decimal, quoting, gap, tmp_path):
    frame = pd.DataFrame({"t": start + np.arange(len(values)), "v": np.array(values, dtype=float)})
    if frame["v"].count() < 3:
        return
    text = frame.to_csv(index=False, sep=sep, decimal=decimal, quoting=quoting, na_rep=gap)
    options = {"sep": sep, "decimal": decimal, "na": "-", "time": "t"}
    series = read(tmp_path, text, options)
    np.testing.assert_array_equal(series, frame["v"])
    if not frame["t"].between(17000101, 21991231).all():
        np.testing.assert_array_equal(series.index, frame["t"])


def test_a_long_cell_is_no_date(tmp_path):
    for cell in ("," * 100_000 + "1:00", " ".join(map(str, range(10_000))), "1/2/2024" + " " * 100_000 + "x"):
        with pytest.raises(ValueError, match="must hold numbers or dates; got ") as refusal:
            read(tmp_path, timed(f'"{cell}"'), TIMES)
        assert len(str(refusal.value)) < 500


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text("0123456789.,;:-/ \t\n\"'vtTZ%$\x00é", max_size=60), sep=st.sampled_from(",; "))
def test_any_text_is_read_or_refused(text, sep, tmp_path):
    for content in ("v,t\n" + text, text, "v\n" + text):
        with contextlib.suppress(ValueError):
            read(tmp_path, content, {"sep": sep} | (TIMES if "t" in content.split("\n")[0] else {}))


# Compressed files.

PLAIN = "t,v\n" + "".join(f"{k},{k * k}\n" for k in range(50))


def zipped(*texts):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for k, text in enumerate(texts):
            archive.writestr(f"{k}.csv", text)
    return file.getvalue()


COMPRESSED = {
    "gz": gzip.compress(PLAIN.encode(), mtime=0),
    "bz2": bz2.compress(PLAIN.encode()),
    "xz": lzma.compress(PLAIN.encode()),
    "zip": zipped(PLAIN),
}


@pytest.mark.parametrize("kind", COMPRESSED)
def test_compressed_files_whole_or_damaged(kind, tmp_path):
    path, whole = tmp_path / f"own.csv.{kind}", COMPRESSED[kind]
    path.write_bytes(whole)
    same(read_series(path, "v", "t"), [k * k for k in range(50)], list(range(50)))
    damaged = [whole[:length] for length in range(0, len(whole), 3)]
    damaged += [whole[:k] + bytes([whole[k] ^ 0x10]) + whole[k + 1 :] for k in range(0, len(whole), 2)]
    refused = 0
    for content in damaged:
        path.write_bytes(content)
        try:
            series = read_series(path, "v", "t")
        except ValueError as error:
            refused += "own.csv" in str(error)
        else:  # bytes that mean nothing, such as the time of writing
            same(series, [k * k for k in range(50)], list(range(50)))
    assert refused > len(damaged) / 2


@pytest.mark.skipif(importlib.util.find_spec("zstandard") is not None, reason="it is installed")
@pytest.mark.skipif(sys.version_info >= (3, 14), reason="Python has it")
def test_a_package_that_is_missing_is_named(tmp_path):
    (tmp_path / "own.csv.zst").write_bytes(b"\x28\xb5\x2f\xfd")
    with pytest.raises(ImportError, match="zstandard"):
        read_series(tmp_path / "own.csv.zst", "v")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("own.csv.gz", PLAIN.encode(), "gzip"),
        ("own.csv.zip", zipped(PLAIN, PLAIN), "Multiple files"),
        ("own.csv.zip", zipped(), "Zero files"),
        ("own.csv.xz", PLAIN.encode(), "not a CSV table"),
    ],
)
def test_what_is_not_what_its_name_says(name, content, message, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_series(tmp_path / name, "v")
