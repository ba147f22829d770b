"""How far an unfinished file is, and what is needed to go on: one record beside it, replaced as a whole."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, final

import numpy as np

from optimlab.files import replacing
from optimlab.typing import Array

__all__ = ["Position", "discard", "load", "save"]

_OWN = "array "  # before the names of arrays, which may be any
_FORM = 1  # of the record; one of another form is no longer understood


@final
@dataclass
class Position:
    """What is done: rows, the gaps in them, bytes of the unfinished file, seconds; the arrays to go on from."""

    rows: int = 0
    gaps: int = 0
    size: int = 0
    seconds: float = 0.0
    arrays: dict[str, Array] = field(default_factory=dict)


def save(target: Path, position: Position, source: Mapping[str, Any], arguments: Mapping[str, Any]) -> None:
    """Write the record; it is there as before or as a whole."""
    numbers = {name: value for name, value in asdict(position).items() if name != "arrays"}
    head = {"form": _FORM, "source": source, "arguments": arguments, "position": numbers}
    with replacing(_record(target)) as file:
        arrays: dict[str, Any] = {f"{_OWN}{name}": array for name, array in position.arrays.items()}
        np.savez(file, head=np.frombuffer(json.dumps(head).encode(), np.uint8), **arrays)


def load(target: Path, source: Mapping[str, Any], arguments: Mapping[str, Any]) -> Position:
    """Return where the unfinished file is, the beginning if there is none, or none of this source as it is now.

    One that was begun with other arguments is refused.
    """
    try:
        with _record(target).open("rb") as file, np.load(file, allow_pickle=False) as record:
            arrays = {name.removeprefix(_OWN): array for name, array in record.items()}
        head = json.loads(arrays.pop("head").tobytes())
        if head["form"] != _FORM or head["source"] != json.loads(json.dumps(source)):
            return Position()
        before, position = head["arguments"], Position(**head["position"], arrays=arrays)
    except FileNotFoundError:
        return Position()
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):  # damaged: what it was is lost
        return Position()
    changed = [f"{name}: {before.get(name)}, now {now}" for name, now in arguments.items() if before.get(name) != now]
    if changed:
        raise ValueError(
            f"{target} was begun with other arguments ({'; '.join(changed)}); give those to go on, or remove "
            f"{_record(target)} to begin again"
        )
    return position


def discard(target: Path) -> None:
    """Remove the record."""
    with suppress(FileNotFoundError):
        _record(target).unlink()


def _record(target: Path) -> Path:
    return target.with_name(f".{target.name}.progress")
