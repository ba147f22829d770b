"""The page's own script, taken out of the page, in node: data go in and results come out with all their bits.

NumPy arrays and numbers travel inside data and results as they are: Float64Array and the like in JavaScript, NumPy
arrays in Python; NaN, -0 and the infinities survive.
"""

import base64
import json
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from optimlab.lab.explorer.build import build

__all__ = ["differing", "page", "run", "script"]

_KINDS = {"float64": "Float64Array", "int32": "Int32Array", "int8": "Int8Array", "uint8": "Uint8Array"}
_AROUND = """
(async () => {
  const kinds = {KINDS};
  const names = new Map(Object.entries(kinds).map(([name, kind]) => [globalThis[kind], name]));
  const received = (key, value) => {
    if (value === null || typeof value !== "object") return value;
    if (value.number !== undefined) return Number(value.number);
    if (value.bytes === undefined) return value;
    const bytes = Uint8Array.from(Buffer.from(value.bytes, "base64"));
    return new globalThis[kinds[value.dtype]](bytes.buffer);
  };
  const sent = (key, value) => {
    if (typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))) {
      return { number: Object.is(value, -0) ? "-0" : String(value) };
    }
    if (!ArrayBuffer.isView(value)) return value;
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    return { dtype: names.get(value.constructor), bytes: bytes.toString("base64") };
  };
  const data = JSON.parse(require("fs").readFileSync(0, "utf8"), received);
  const result = await (async () => {
CODE
  })();
  require("fs").writeFileSync(process.argv[2], JSON.stringify(result === undefined ? null : result, sent));
})().catch((error) => { console.error(error); process.exit(1); });
"""


@cache
def page():
    """The page as it opens by default."""
    return build()


def script(html):
    """The one script of a page."""
    (found,) = re.findall(r"<script>(.*?)</script>", html, re.S)
    return found


def run(code, data=None, *, html=None):
    """What `code`, the body of an async function of `data` beside the script of the page, returns in node."""
    if not shutil.which("node"):
        pytest.skip("node is not installed")
    around = _AROUND.replace("{KINDS}", json.dumps(_KINDS)).replace("CODE", code)
    with tempfile.TemporaryDirectory() as folder:
        program, result = Path(folder, "program.cjs"), Path(folder, "result.json")
        program.write_text(f"{script(html or page())}\n{around}", encoding="utf-8")
        done = subprocess.run(
            ["node", program, result], input=json.dumps(_sent(data)), capture_output=True, encoding="utf-8", timeout=300
        )
        assert done.returncode == 0, done.stderr
        return json.loads(result.read_text(encoding="utf-8"), object_hook=_received)


def differing(a, b):
    """How many numbers of two arrays differ in any bit; one NaN is as good as another."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    assert a.shape == b.shape
    same = a.copy().view(np.int64) == b.copy().view(np.int64) if a.ndim else a.tobytes() == b.tobytes()
    return int(np.sum(~(same | (np.isnan(a) & np.isnan(b)))))


def _sent(value):
    match value:
        case dict():
            return {key: _sent(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_sent(inner) for inner in value]
        case np.ndarray():
            value = np.ascontiguousarray(value).reshape(-1)
            assert value.dtype.name in _KINDS, value.dtype
            return {"dtype": value.dtype.name, "bytes": base64.b64encode(value.tobytes()).decode()}
        case np.generic():
            return _sent(value.item())
        case float() if value != value or value in (float("inf"), -float("inf")):
            return {"number": str(value).replace("inf", "Infinity").replace("nan", "NaN")}
    return value


def _received(value):
    if value.keys() == {"number"}:
        return float(value["number"])
    if value.keys() == {"dtype", "bytes"}:
        return np.frombuffer(base64.b64decode(value["bytes"]), value["dtype"]).copy()
    return value
