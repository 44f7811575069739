"""docs/faults.md: the table of faults as it was measured."""

from __future__ import annotations

from collections.abc import Sequence

from _camera_faults import Fault, waits
from _camera_rig import EVERY, Outcome

from edge.causes import TOLD
from edge.frames.patience import JITTER, Patience

HEAD = f"""\
# What a camera can suffer, and what is told of it

Written by `scripts/bench/camera_faults`, which runs the worker of a device (`edge camera`) against a simulated camera
with each fault. Do not edit: run it again. Several ran at a time on a busy machine, so the seconds are upper bounds.

- **told**: the state and the reason in the camera's status message and in `edge status`
- **noticed**: seconds until the status was no longer plainly `ok`, and until its final reason where that is later
- **well again**: seconds from the camera's recovery to `ok`
- **back-off**: the waits between attempts, each up to {JITTER:.0%} longer at random; forgotten after
  {Patience().steady:.0f} s of pictures
- **counted meanwhile**: the mean `coverage` and the `flags` of the intervals of {EVERY} s wholly between the notice and
  the end of the fault. Counts are never scaled up.

"""
COLUMNS = ("the camera …", "told", "cause", "noticed", "well again", "back-off", "counted meanwhile", "")
REST = """
## What follows from it
- A camera, or a recorder with all its channels, sees at most four wrong logins of a user in any half hour, three of
  them with one password: brands that lock an account do so at five or more. The channels share what was refused by
  host, port and user, in `refusals-….json` in the memory of the device; who logs in is entered there before, and a
  login that works clears it for all. A login that worked before in the same process and is refused now passes twice
  for a camera that is full (`busy`), then for a wrong password.
- Damaged pictures are never analysed: from the first damaged one to the next key frame none is. They are in the
  `damaged` number of `health`.
- The time of a picture is that of its arrival, smoothed by the stream's own times where those run as fast as ours. The
  camera's wall clock (RTCP sender reports) only says how long a picture was on its way, and is believed between 0 and
  1 s. So no clock of a camera moves a count by more than that, and a wrong one by nothing.
- `ok` with a reason means: analysed and counted, but something should be mended.

## Every cause
| cause | what the centre is told |
|---|---|
"""


def page(results: Sequence[tuple[Fault, Outcome]]) -> str:
    """The whole page."""
    text = HEAD
    for title, picture in (("The stream", False), ("The picture", True)):
        rows = [_row(fault, outcome) for fault, outcome in results if fault.picture == picture]
        text += "\n".join([f"## {title}", _line(COLUMNS), "|" + "---|" * len(COLUMNS), *map(_line, rows)]) + "\n\n"
    causes = "\n".join(_line((f"`{cause}`", told)) for cause, told in TOLD.items())
    return f"{text.rstrip()}\n{REST}{causes}\n"


def _row(fault: Fault, outcome: Outcome) -> Sequence[str]:
    state, reason = outcome.said
    told = f"`{state}`: {reason}" if reason else f"`{state}`"
    return (
        fault.name, outcome.failed or told, f"`{fault.cause}`" if fault.cause else "–",
        _noticed(outcome), _recovered(fault, outcome), waits(fault.cause), _counted(outcome), fault.note,
    )  # fmt: skip


def _noticed(outcome: Outcome) -> str:
    if outcome.noticed is None or outcome.named is None:
        return "–"
    later = f", named after {outcome.named:.0f}" if outcome.named - outcome.noticed > 1 else ""
    return f"{max(0.0, outcome.noticed):.1f}{later}"


def _recovered(fault: Fault, outcome: Outcome) -> str:
    if not fault.told:
        return "–"
    by_itself = ", by itself" if fault.heals else ""
    return "not waited for" if outcome.recovered is None else f"{outcome.recovered:.1f}{by_itself}"


def _counted(outcome: Outcome) -> str:
    coverage, flags = outcome.counted
    if coverage is None:
        return "–"
    logins = f"; {outcome.wrong} wrong logins" if outcome.wrong else ""
    return f"{coverage:.2f}" + (f", {' '.join(f'`{flag}`' for flag in flags)}" if flags else "") + logins


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
