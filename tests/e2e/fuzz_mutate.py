"""Inputs made worse by chance: bytes, texts with their numbers and words, and the way back to the least that fails."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

Input = tuple[bytes, ...]
"""What one trial feeds, in the parts in which the target takes it."""

NUMBERS = (
    0, 1, 2, 3, 7, 8, 15, 16, 96, 127, 128, 255, 256, 1024, 4095, 4096, 32767, 32768, 65534, 65535, 65536,
    2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**30,
)  # fmt: skip
"""Where sizes, signs and types have their edges."""
ODD_TEXT = (
    b"", b" ", b"\0", b"\n", b"\r\n", b"\t", b"%s%n%x", b"../../../etc/passwd", b"\xff\xfe", b"\xc3\x28",
    b"\xed\xa0\x80", "Cầu Trường Tiền".encode(), "\u202e\u200b\ufeff".encode(), b"-1", b"1e999", b"NaN", b"-0",
    b"0x7fffffff", b"null", b"true", b"A" * 300, b"A" * 5000, b"(" * 200, b"[" * 200, b'"', b"'", b"\\", b";", b":",
    b"=", b"/", b"@", b"#",
)  # fmt: skip


def worse(data: bytes, chance: random.Random, *, words: Sequence[bytes] = ODD_TEXT, times: int | None = None) -> bytes:
    """The bytes after some changes: of bits, numbers, words, lines and lengths."""
    for _ in range(times if times is not None else 1 + int(chance.expovariate(0.6))):
        data = chance.choice(_CHANGES)(data, chance, words)[:1_000_000]
    return data


def number(chance: random.Random) -> int:
    """A number at an edge, or just beside one."""
    return chance.choice(NUMBERS) + chance.choice((0, 0, 0, -1, 1)) * chance.choice((1, 1, -1))


def _place(data: bytes, chance: random.Random) -> tuple[int, int]:
    begin = chance.randrange(len(data) + 1)
    return begin, min(len(data), begin + 1 + int(chance.expovariate(0.1)))


def _bit(data: bytes, chance: random.Random, _: Sequence[bytes]) -> bytes:
    if not data:
        return data
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]


def _byte(data: bytes, chance: random.Random, _: Sequence[bytes]) -> bytes:
    begin, _end = _place(data, chance)
    return data[:begin] + chance.choice((b"\0", b"\xff", b"\x7f", b"\x80", b"\x01")) + data[begin + 1 :]


def _without(data: bytes, chance: random.Random, _: Sequence[bytes]) -> bytes:
    begin, end = _place(data, chance)
    return data[:begin] + data[end:]


def _twice(data: bytes, chance: random.Random, _: Sequence[bytes]) -> bytes:
    begin, end = _place(data, chance)
    return data[:end] + data[begin:end] * chance.choice((1, 1, 2, 8, 300)) + data[end:]


def _noise(data: bytes, chance: random.Random, _: Sequence[bytes]) -> bytes:
    begin, end = _place(data, chance)
    return data[:begin] + chance.randbytes(chance.choice((1, 4, 16, 64))) + data[chance.choice((begin, end)) :]


def _cut(data: bytes, chance: random.Random, _: Sequence[bytes]) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _word(data: bytes, chance: random.Random, words: Sequence[bytes]) -> bytes:
    begin, end = _place(data, chance)
    return data[:begin] + chance.choice(words) + data[chance.choice((begin, end)) :]


def _number(data: bytes, chance: random.Random, _: Sequence[bytes]) -> bytes:
    found = list(re.finditer(rb"\d+(\.\d+)?", data))
    if not found:
        return data
    each = chance.choice(found)
    text = chance.choice((str(number(chance)), f"-{number(chance)}", "0.1", "1e308", f"{number(chance)}.5", "9" * 400))
    return data[: each.start()] + text.encode() + data[each.end() :]


def _binary(data: bytes, chance: random.Random, _: Sequence[bytes]) -> bytes:
    size = chance.choice((1, 2, 4, 8))
    if len(data) < size:
        return data
    at = chance.randrange(len(data) - size + 1)
    value = number(chance) % (1 << (8 * size))
    return data[:at] + value.to_bytes(size, chance.choice(("big", "little"))) + data[at + size :]


def _line(data: bytes, chance: random.Random, _: Sequence[bytes]) -> bytes:
    lines = data.splitlines(keepends=True)
    if len(lines) < 2:
        return data
    i, j = chance.randrange(len(lines)), chance.randrange(len(lines))
    match chance.randrange(3):
        case 0:
            del lines[i]
        case 1:
            lines.insert(j, lines[i])
        case _:
            lines[i], lines[j] = lines[j], lines[i]
    return b"".join(lines)


def _token(data: bytes, chance: random.Random, words: Sequence[bytes]) -> bytes:
    found = list(re.finditer(rb"[A-Za-z_][A-Za-z0-9_-]*", data))
    if not found:
        return data
    each = chance.choice(found)
    other = chance.choice((chance.choice(words), chance.choice(found).group(), each.group().swapcase()))
    return data[: each.start()] + other + data[each.end() :]


_CHANGES: tuple[Callable[[bytes, random.Random, Sequence[bytes]], bytes], ...] = (
    _bit, _byte, _without, _twice, _noise, _cut, _word, _number, _number, _binary, _line, _token, _token,
)  # fmt: skip


def least(parts: Input, fails: Callable[[Input], bool], *, tries: int) -> Input:
    """A smaller input that still fails, by leaving out ever smaller pieces of each part, within so many trials."""
    for position in range(len(parts)):
        step = max(1, len(parts[position]) // 2)
        while step and tries > 0:
            begin = 0
            while begin < len(parts[position]) and tries > 0:
                tries -= 1
                part = parts[position]
                tried = (*parts[:position], part[:begin] + part[begin + step :], *parts[position + 1 :])
                if fails(tried):
                    parts = tried
                else:
                    begin += step
            step //= 2
    return parts
