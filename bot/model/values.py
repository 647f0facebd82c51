"""`@dataclass(frozen=True, slots=True)` as the standard library's, made six times faster.

The standard library writes, parses and compiles six functions for every class: 1.2 ms and 14 kB each, and we have a hundred and fifty
of them, a sixth of the whole start. Here only `__init__` is written, without the detour through `object.__setattr__`, so that making a
value takes half as long as well; all else is shared. Whatever is asked beyond the usual goes to the standard library.
"""

from __future__ import annotations

import dataclasses
import sys
from operator import attrgetter
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]


def _repr(self: Any) -> str:
    values = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
    return f"{type(self).__qualname__}({values})"


def _no_setting(self: Any, name: str, value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _no_deleting(self: Any, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, name) for name in self.__match_args__]


def _set_state(self: Any, state: list[Any]) -> None:
    for name, value in zip(self.__match_args__, state, strict=True):
        object.__setattr__(self, name, value)


def _whole(given: dataclasses.Field[Any]) -> bool:
    return given.init and given.repr and given.compare and given.hash is None and given.kw_only is not True


def _usual(cls: type) -> bool:
    """Whether every field is an argument that is shown and compared, and none is inherited."""
    if any(hasattr(base, "__dataclass_fields__") for base in cls.__bases__):
        return False
    if not cls.__dict__.keys().isdisjoint(("__setattr__", "__delattr__", "__slots__", "__init__")):
        return False
    for name, kind in cls.__dict__.get("__annotations__", {}).items():
        given = cls.__dict__.get(name)
        if isinstance(given, dataclasses.Field) and not _whole(given):
            return False
        if not isinstance(kind, str) or "ClassVar" in kind or "InitVar" in kind or "KW_ONLY" in kind:
            return False
    return True


def _init(cls: type) -> Any:
    outer: dict[str, Any] = {"_no": dataclasses.MISSING}
    arguments, body = ["self"], []
    for field in dataclasses.fields(cls):
        name = field.name
        outer[f"_set_{name}"] = cls.__dict__[name].__set__
        if field.default is not dataclasses.MISSING:
            outer[f"_default_{name}"] = field.default
            arguments.append(f"{name}=_default_{name}")
        elif field.default_factory is not dataclasses.MISSING:
            outer[f"_default_{name}"] = field.default_factory
            arguments.append(f"{name}=_no")
            body.append(f"if {name} is _no: {name} = _default_{name}()")
        else:
            arguments.append(name)
        body.append(f"_set_{name}(self, {name})")
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    text = f"def make({', '.join(outer)}):\n def __init__({', '.join(arguments)}):\n  " + "\n  ".join(body or ["pass"])
    made: dict[str, Any] = {}
    exec(f"{text}\n return __init__", sys.modules[cls.__module__].__dict__, made)  # noqa: S102 our own field names
    init = made["make"](**outer)
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    init.__annotations__ = cls.__dict__.get("__annotations__", {})
    return init


def _compared(names: tuple[str, ...]) -> tuple[Any, Any]:
    if len(names) > 1:
        values: Any = attrgetter(*names)
    else:

        def values(self: Any) -> tuple[Any, ...]:
            return tuple(getattr(self, name) for name in names)

    def __eq__(self: Any, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return bool(values(self) == values(other))

    def __hash__(self: Any) -> int:
        return hash(values(self))

    return __eq__, __hash__


def _frozen(cls: type) -> type:
    if not _usual(cls):
        return dataclasses.dataclass(frozen=True, slots=True)(cls)
    own = dict(cls.__dict__)
    cls.__doc__ = own.get("__doc__") or cls.__name__  # else its signature is worked out and written down
    dataclasses.dataclass(init=False, repr=False, eq=False)(cls)
    params: Any = cls.__dict__["__dataclass_params__"]
    params.init = params.repr = params.eq = params.frozen = True
    names = cls.__dict__["__match_args__"]
    space = {name: value for name, value in cls.__dict__.items() if name not in (*names, "__dict__", "__weakref__")}
    eq, hash_ = _compared(names)
    # As the standard library: one's own __eq__ and __hash__ stay, a __setattr__ would be an error.
    space |= {
        "__slots__": names,
        "__doc__": own.get("__doc__"),
        "__setattr__": _no_setting,
        "__delattr__": _no_deleting,
    }
    space |= {"__repr__": own.get("__repr__", _repr), "__eq__": own.get("__eq__", eq)}
    space["__hash__"] = own.get("__hash__") or hash_
    space |= {"__getstate__": own.get("__getstate__", _state), "__setstate__": own.get("__setstate__", _set_state)}
    made = type(cls)(cls.__name__, cls.__bases__, space)
    made.__qualname__ = cls.__qualname__
    made.__init__ = _init(made)  # type: ignore[misc]
    return made


if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(cls: type | None = None, **options: Any) -> Any:
        """As `dataclasses.dataclass`."""
        if cls is None and options == {"frozen": True, "slots": True}:
            return _frozen
        return dataclasses.dataclass(cls, **options)
