"""Why a camera is not ok, or not wholly, in the words that the centre and people read."""

from __future__ import annotations

TOLD = {
    "refused": "the camera refuses the connection",
    "unreachable": "the camera cannot be found in the network",
    "timeout": "the camera does not answer or sends no pictures",
    "auth": "the camera refuses the user or the password",
    "busy": "the camera has no connection free: too many viewers, or its password was changed",
    "declined": "the camera takes the connection and refuses the stream",
    "notfound": "the camera has no stream at this path",
    "codec": "the stream's codec cannot be decoded",
    "changed": "the camera changed its stream and is connected anew",
    "novideo": "the stream has no pictures",
    "nokey": "the camera sends no key frame",
    "damaged": "pictures arrive damaged and are not analysed",
    "ended": "the camera ended the stream",
    "reset": "the connection to the camera broke",
    "unsteady": "the connection to the camera breaks again and again",
    "clock": "the times in the stream are wrong: pictures are dated by their arrival",
}
"""By cause, as the centre is told: without the address that the local log has. `damaged`, `unsteady` and `clock` are
told of cameras that are `ok` too: they are analysed, but something ails them."""
