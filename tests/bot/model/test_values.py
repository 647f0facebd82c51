"""Our quick `dataclass` against the standard library's: same values, same comparisons, same refusals."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, ClassVar

import pytest

from bot.model import values


def _classes(dataclass: Callable[..., Any]) -> tuple[type, ...]:
    @dataclass(frozen=True, slots=True)
    class None_:
        """With words of its own."""

    @dataclass(frozen=True, slots=True)
    class One:
        a: str

    @dataclass(frozen=True, slots=True)
    class Many:
        a: str
        b: int | None = None
        c: Mapping[str, str] = field(default_factory=dict)
        d: tuple[str, ...] = ()

        def __post_init__(self) -> None:
            if self.a == "wrong":
                raise ValueError("wrong")

        @property
        def both(self) -> str:
            return f"{self.a}{self.b}"

    @dataclass(frozen=True, slots=True)
    class Own:
        a: str

        def __repr__(self) -> str:
            return "hidden"

        def __eq__(self, other: object) -> bool:
            return isinstance(other, type(self))

    @dataclass(frozen=True, slots=True)
    class Hidden:
        counted: ClassVar[int] = 3
        a: str = field(repr=False, default="secret")

    @dataclass(frozen=True, slots=True)
    class Child(One):
        b: str = ""

    return None_, One, Many, Own, Hidden, Child


QUICK, USUAL = _classes(values.dataclass), _classes(dataclasses.dataclass)
GIVEN: tuple[tuple[Any, ...], ...] = ((), ("x",), ("x", 2, {"k": "v"}), ("x",), (), ("x", "y"))


@pytest.mark.parametrize("place", range(len(GIVEN)), ids=[kind.__name__ for kind in QUICK])
def test_a_value_is_what_the_standard_library_makes_of_it(place: int) -> None:
    quick, usual, given = QUICK[place], USUAL[place], GIVEN[place]
    mine, theirs = quick(*given), usual(*given)
    assert repr(mine) == repr(theirs)
    assert dataclasses.asdict(mine) == dataclasses.asdict(theirs)
    assert list(inspect.signature(quick).parameters) == list(inspect.signature(usual).parameters)
    assert vars(quick)["__match_args__"] == vars(usual)["__match_args__"]
    assert vars(quick)["__slots__"] == vars(usual)["__slots__"]
    assert quick.__qualname__ == usual.__qualname__
    assert not hasattr(mine, "__dict__")
    assert mine == quick(*given)
    assert mine != theirs
    for name in vars(quick)["__match_args__"][:1]:
        with pytest.raises(dataclasses.FrozenInstanceError, match=f"cannot assign to field '{name}'"):
            setattr(mine, name, "other")
        with pytest.raises(dataclasses.FrozenInstanceError):
            delattr(mine, name)
        assert getattr(dataclasses.replace(mine, **{name: "other"}), name) == "other"
    assert dataclasses.asdict(copy.deepcopy(mine)) == dataclasses.asdict(copy.copy(mine)) == dataclasses.asdict(mine)
    if not any(isinstance(value, dict) for value in given):
        assert hash(mine) == hash(quick(*given))
        assert len({mine, quick(*given)}) == 1


def test_values_differ_and_defaults_are_not_shared() -> None:
    many: Any = QUICK[2]
    assert many("x") != many("y")
    assert many("x", 1) == many(a="x", b=1)
    assert many("x").both == "xNone"
    assert many("x").c is not many("x").c
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'a'"):
        many()
    with pytest.raises(ValueError, match="wrong"):
        many("wrong")
    with pytest.raises(TypeError, match="unhashable"):
        hash(many("x"))


def test_a_value_can_be_pickled() -> None:
    from bot.model.chat import MessageRef

    ref = MessageRef("slack", "C1", "1.2", "3.4")
    assert pickle.loads(pickle.dumps(ref)) == ref  # noqa: S301 our own bytes


def test_what_is_not_usual_goes_to_the_standard_library() -> None:
    @values.dataclass(slots=True)
    class Loose:
        a: int = 1

    loose = Loose()
    loose.a = 2
    assert loose == Loose(2)
