"""What may stand in a YAML file instead of a value: its types, its constructs, and what is none of it."""

from __future__ import annotations

SECRET = "gEhe1m-W0rt"
"""A password that somebody has written into an address: no text may show it."""
BOMB = (
    "{0: &a0 [x,x,x,x,x,x,x,x,x], "
    + ", ".join(f"{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12))
    + "}"
)
MANY_POINTS = f"&p [{', '.join(['[0.1, 0.2]', '[0.9, 0.2]', '[0.9, 0.8]'] * 400)}]"
ODD_YAML = (
    "", "~", "null", ".nan", ".inf", "-.inf", "1e400", "-0.0", "0x10", "0o17", "0b11", "1_000", "1e3", "+5",
    "9" * 4000, "9" * 5000, "0x" + "f" * 5000, "1:30", "true", "yes", "off", "2001-12-14", "2001-13-40",
    "2001-12-14t21:59:43.10-05:00", "9999-99-99T99:99:99Z", "!!int abc", "!!float x", "!!bool 7", "!!timestamp x",
    "!!binary '%%%'", "!!binary aGFsbG8=", "!!set {a, b}", "!!omap [a: 1]", "!!pairs [a: 1, a: 2]", "!!str 5",
    "!!null x", "!!python/object/apply:os.system [x]", "!!map [1]", "!!seq {a: 1}", "!x", "!<tag:x> y", "!!merge x",
    "<<", "{<<: 5}", "{<<: [1, 2]}", "{<<: *nobody}", "*nobody", "&a [*a]", "&a {a: *a}", "{? [a, b] : c}",
    "{? {a: b} : c}", "{1: 2, 1.5: 3}", "{null: 1}", "{true: 1}", "[[]]", "{}", "[]", "{a: 1, a: 2}",
    "[" * 60 + "]" * 60, "[" * 1500 + "]" * 1500, "{a: " * 900 + "1" + "}" * 900, BOMB,
    f"[{MANY_POINTS}, {', '.join(['*p'] * 300)}]", f"[{', '.join(['1'] * 20000)}]", f"[{'[0.5, 0.5], ' * 3000}]",
    '"\\x00"', '"\\ud800"', '"\\U00110000"', '"\\e[31m"', '"a\\nb"', "|\n      a\n      b", ">-\n      x", "'", '"',
    "@x", "`x", "%x", "- -", "? ", "a: b: c", "\u2028", "\u0085", "\ufeff", "\u202ex", "𝕎" * 40, "Cầu", "x" * 70000,
    f"rtsp://admin:{SECRET}@10.0.0.1/a", f"'rtsp://a:b:{SECRET}@h:99999/x'", "rtsp://[::1", "rtsp://[::1]:5/x",
    "rtsp://\u2100.com/x", "'rtsp://x:0x5/'", "rtsp://h:-1/", "rtsps://" + "h" * 300, "http://x", "/etc/passwd",
    "../../../etc/shadow", "/dev/zero", "/dev/stdin", "/proc/self/mem", "nul\\0",
)  # fmt: skip
