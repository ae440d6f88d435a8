"""Problems to and from plain JSON values, by the types of their fields.

    made(Problem, {"kinds": [{"sides": [5, 5, 5], "count": 8}], "room": [10, 10, 10]})

Dataclasses are objects, tuples and sets are lists, arrays are lists of lists; a mapping is an
object where its keys are text, otherwise a list of [key, value]. What is not as it should be is a
ValueError that says where.
"""

from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np


class UnfitValueError(ValueError):
    """A value that is not as it should be, and where."""


def made(kind: Any, value: Any, where: str = "") -> Any:
    """A value of that type.

    Raises:
        UnfitValueError: it is not one; with the path to it.
    """
    try:
        return _made(kind, value, where)
    except UnfitValueError:
        raise
    except (TypeError, ValueError) as error:
        raise UnfitValueError(f"{where or 'the file'}: {error}") from error


def _made(kind: Any, value: Any, where: str) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in {Union, UnionType}:
        (some,) = (each for each in inner if each is not NoneType)
        return None if value is None and NoneType in inner else made(some, value, where)
    if is_dataclass(kind):
        return _object(kind, value, where)
    if origin is np.ndarray:
        return np.array(value, dtype=get_args(inner[1])[0])
    if origin in {tuple, frozenset}:
        return _several(origin, inner, value, where)
    if origin is not None:
        return _mapping(inner, value, where)
    return kind(*value) if hasattr(kind, "_fields") else _single(kind, value)


def _single(kind: Any, value: Any) -> Any:
    """A number, a text, or yes and no; a whole number where a number is wanted."""
    wanted = int | float if kind is float else kind
    if not isinstance(value, wanted) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"{value!r} is not {kind.__name__}")
    return float(value) if kind is float else value


def _mapping(inner: tuple[Any, ...], value: Any, where: str) -> dict[Any, Any]:
    pairs = value.items() if isinstance(value, Mapping) else value
    return {
        made(inner[0], key, where): made(inner[1], each, f"{where}[{key}]") for key, each in pairs
    }


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list | frozenset):
        return [plain(each) for each in value]
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _several(origin: Any, inner: tuple[Any, ...], value: Any, where: str) -> Any:
    if not isinstance(value, list | tuple):
        raise TypeError(f"{value!r} is not a list")
    kinds = [inner[0]] * len(value) if inner[-1] is ... or origin is frozenset else list(inner)
    if len(kinds) != len(value):
        raise ValueError(f"{len(value)} values, not {len(kinds)}")
    return origin(
        made(kind, each, f"{where}[{at}]")
        for at, (kind, each) in enumerate(zip(kinds, value, strict=True))
    )


def _object(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise TypeError(f"{value!r} is not an object")
    known = {field.name for field in fields(kind)}
    if unknown := sorted(set(value) - known - ({"kind"} if not where else set())):
        raise ValueError(f"{unknown[0]!r} is a field that nobody knows")
    hints = get_type_hints(kind)
    given = {
        name: made(hints[name], value[name], f"{where}.{name}".lstrip("."))
        for name in known
        if name in value
    }
    return kind(**given)
