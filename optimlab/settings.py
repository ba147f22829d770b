"""Attributes that look like settings: what may be assigned is checked then, what may not says what to do instead."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import fields
from typing import Any, ClassVar, Generic, Self, TypeVar, overload

from optimlab.checks import Range, hyperparameter

__all__ = ["Checked", "Fixed"]

T = TypeVar("T")


class Checked:
    """A dataclass whose fields are checked whenever they are set, when it is made and later.

    ``ranges`` names the fields that are hyperparameters, ``checks`` has functions of the value for others.
    """

    ranges: ClassVar[dict[str, Range]] = {}
    checks: ClassVar[dict[str, Callable[[Any], Any]]] = {}

    def __setattr__(self, name: str, given: Any) -> None:
        if name in self.ranges:
            given = hyperparameter(name, given, self.ranges[name])
        elif name in self.checks:
            given = self.checks[name](given)
        elif name not in self.__dataclass_fields__:  # type: ignore[attr-defined]
            known = ", ".join(field.name for field in fields(self) if field.init)  # type: ignore[arg-type]
            raise AttributeError(f"{type(self).__name__} has no setting {name!r}; it has {known}")
        object.__setattr__(self, name, given)

    def __copy__(self) -> Self:
        """A copy shares the settings; what it keeps is its own."""
        new = object.__new__(type(self))
        vars(new).update({name: deepcopy(x) if name.startswith("_") else x for name, x in vars(self).items()})
        return new


class Fixed(Generic[T]):
    """An attribute that is set once, in a slot of its name with an underscore; to assign it again is an error.

    Parameters
    ----------
    remedy : str
        What to do instead.
    """

    def __init__(self, remedy: str) -> None:
        self.remedy = remedy

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self.slot = f"_{name}"

    @overload
    def __get__(self, owner: None, kind: type) -> Self: ...

    @overload
    def __get__(self, owner: object, kind: type) -> T: ...

    def __get__(self, owner: object | None, kind: type) -> Self | T:
        return self if owner is None else getattr(owner, self.slot)

    def __set__(self, owner: object, given: T) -> None:
        if hasattr(owner, self.slot):
            raise AttributeError(f"{self.name} cannot be changed; {self.remedy}")
        setattr(owner, self.slot, given)
