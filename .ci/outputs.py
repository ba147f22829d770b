"""Whether a study's folder holds whole outputs."""

import csv
import json
import sys
from pathlib import Path

folder = Path(sys.argv[1])
record = json.loads((folder / "run.json").read_text())
assert len(record["claims"]) >= 30, record["claims"]
assert (folder / "ema_beta.png").read_bytes().startswith(b"\x89PNG")
for name in ("claims", "classic_curve", "error_by_beta", "forecast_by_beta"):
    with open(folder / f"{name}.csv", newline="") as file:
        assert len(list(csv.reader(file))) > 3, name
print("outputs are whole:", ", ".join(sorted(path.name for path in folder.iterdir())))
