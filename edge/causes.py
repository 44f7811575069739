"""Why a camera is not ok, in the words that the centre and people read."""

from __future__ import annotations

TOLD = {
    "refused": "the camera refuses the connection",
    "timeout": "the camera does not answer or sends no pictures",
    "auth": "the camera refuses the user or the password",
    "notfound": "the camera has no stream at this path",
    "codec": "the stream's codec cannot be decoded",
    "ended": "the camera ended the stream",
    "reset": "the connection to the camera broke",
    "novideo": "the stream has no pictures",
}
"""By cause, the word of a SourceError, as the centre is told: without the address that the local log has."""
