"""Points and levels as people write them: a decimal comma, no brackets or round ones, a space for the comma."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from edge.config.fault import fault, shown

Fits = Callable[[float, float], bool]
"""Whether two numbers can be what is wanted: of several places for a decimal point, it tells the one that is meant."""
Check = Callable[[object], object]
_NUMBER = re.compile(r"[-+]?[0-9]+(?:[.,][0-9]+)?")


def on_picture(x: float, y: float) -> bool:
    """Whether these are fractions of the picture."""
    return 0 <= x <= 1 and 0 <= y <= 1


def falling(up: float, down: float) -> bool:
    """Whether a level that is raised at the first can be cleared below the second."""
    return down <= up


def anything(_x: float, _y: float) -> bool:
    """Metres on the ground may be any."""
    return True


def two_numbers(fits: Fits, *, example: str) -> Check:
    """A check of a value that shall be two numbers: refuses decimal commas, and a text or one number."""

    def check(value: object) -> object:
        refuse_decimal_commas(value, fits)
        alone = value[0] if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str) else value
        if (isinstance(alone, str) and alone) or _is_number(alone):
            numbers = [each.replace(",", ".") for each in _NUMBER.findall(str(alone)[:100])]
            pair = f"[{', '.join(numbers)}]" if len(numbers) == 2 and "@" not in str(alone) else example
            raise fault(
                "no two numbers",
                expected="them in square brackets, with a comma between",
                found=shown(value),
                do=f"write {pair}",
            )
        return value

    return check


def each_in_brackets(what: str, *, example: str, alone: bool = False) -> Check:
    """A check of a list of lists: refuses one whose numbers have no brackets of their own, as one fault. `alone`: a
    single entry may be right."""

    def check(values: object) -> object:
        if not _without_brackets(values):
            return values
        such = example
        if alone and isinstance(values, list) and len(values) == 2 and all(map(_is_number, values)):
            such = f"[{values}]"
        raise fault(
            f"{what} without brackets",
            expected=f"{what}, each in square brackets",
            found=shown(values),
            do=f"put square brackets around each and around all, decimals after a point, such as {such}",
        )

    return check


def each_in_outer_brackets(values: object) -> object:
    """Refuses the corners of one area where areas are listed."""
    if isinstance(values, list) and len(values) > 2 and all(map(_is_pair, values)):
        raise fault(
            "the corners of one area, without its own brackets",
            expected="areas, each a list of corners",
            found=shown(values),
            do=f"put square brackets around all of it once more: {shown([values])}",
        )
    return values


def refuse_decimal_commas(value: object, fits: Fits, *, place: tuple[str | int, ...] = ()) -> None:
    """Refuses three or four numbers that are two with decimal commas; zeros after the comma are lost in YAML, so what
    is told is an example."""
    pair = _joined(value, fits) if isinstance(value, list) and all(map(_is_number, value)) else None
    if pair:
        other = ", or take out what is too much" if isinstance(value, list) and len(value) == 3 else ""
        raise fault(
            "more than two numbers",
            expected="two numbers",
            found=shown(value),
            do=f"decimals come after a point, such as {pair}{other}",
            place=place,
        )


def _joined(values: list[Any], fits: Fits) -> str | None:
    """The two numbers that these are with a comma in one or both of them."""
    for first in {3: (2, 1), 4: (2,)}.get(len(values), ()):
        parts = values[:first], values[first:]
        if all(len(part) == 1 or _is_split(part) for part in parts):
            x, y = (".".join(map(str, part)) for part in parts)
            if fits(float(x), float(y)):
                return f"[{x}, {y}]"
    return None


def _is_split(part: list[Any]) -> bool:
    return all(isinstance(each, int) for each in part) and part[1] >= 0


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _without_brackets(values: object) -> bool:
    if isinstance(values, list) and values:
        plain = all(_is_number(each) or isinstance(each, str) for each in values)
        return plain or any(isinstance(each, str) and re.search("[()]", each) for each in values)
    return (isinstance(values, str) and bool(values)) or _is_number(values)
