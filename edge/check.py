"""`edge check`: every fault of every file of a configuration folder, in one run."""

from __future__ import annotations

import re
from pathlib import Path

from edge.config.document import Document, Fault, FileError, read
from edge.config.load import camera_files, camera_id, name_of, parse
from edge.config.parts import ID
from edge.config.schema import Camera, Edge
from edge.config.settings import Settings
from edge.detections.card import find_card, load_weights
from edge.errors import EdgeError
from edge.idle import idle
from edge.measurements.calibration import Ground
from edge.measurements.measures import areas_of, ground_of

AREA_OFF = 3.0
"""How many times the area of a zone may be what the calibration gives, or the other way round."""


def check(settings: Settings) -> list[Fault]:
    """All faults of `edge.yaml` and the camera files, in order of file, line and column; empty where all is well."""
    faults = edge_faults(settings)
    files = camera_files(settings.config)
    if not files and settings.config.is_dir():
        where = settings.config / "cameras"
        faults.append(Fault(where, 1, 1, "no camera file, expected <id>.yaml here; put one there, see configs/cameras"))
    for file in files:
        faults += camera_faults(file, settings)
    for file in sorted(set((settings.config / "cameras").glob("*")) - set(files)):
        faults.append(Fault(file, 1, 1, "not read, expected <id>.yaml; rename it, or take it out of this folder"))
    return sorted(set(faults))


def edge_faults(settings: Settings) -> list[Fault]:
    """All faults of `edge.yaml`."""
    if not settings.config.is_dir():
        what = "this is a file, no folder" if _is_file(settings.config) else "no such folder"
        text = f"{what}; give the folder that holds edge.yaml and cameras/"
        return [Fault(settings.config, 1, 1, text)]
    try:
        document = read(settings.config / "edge.yaml")
    except FileError as error:
        return list(error.faults)
    faults = _secret_faults(document, ("broker", "credentials"), settings)
    try:
        edge = parse(document, Edge)
    except FileError as error:
        return [*faults, *error.faults]
    tls = edge.broker.tls or None
    for key in ("ca", "certificate", "key"):
        path: Path | None = getattr(tls, key, None)
        if path is not None and not _is_file(path):
            text = f"broker.tls.{key}: no such file, found {str(path)[:200]!r}; put it there or mend the path"
            faults.append(document.fault(("broker", "tls", key), text))
    return faults


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long, or a folder that may not be looked into
        return False


def camera_faults(file: Path, settings: Settings) -> list[Fault]:
    """All faults of a camera file."""
    try:
        camera_id(file)
        document = read(file)
    except FileError as error:
        return list(error.faults)
    faults = _secret_faults(document, ("source", "credentials"), settings)
    try:
        camera = parse(document, Camera)
    except FileError as error:
        return [*faults, *error.faults]
    if camera.source is None:
        faults.append(document.fault((), "source: expected this key with the camera's url, found nothing; add it"))
    return faults + _sense_faults(document, camera, settings)


def _sense_faults(document: Document, camera: Camera, settings: Settings) -> list[Fault]:
    """What is wrong with a camera file of the right form: its model, its calibration, rules that can never count."""
    faults: list[Fault] = []
    kinds: frozenset[str] | None = None
    ground: Ground | None = None
    try:
        card = find_card(camera.analyse.model, path=settings.models)
        kinds = frozenset(card.classes.values())
        load_weights(card, path=settings.models)
    except EdgeError as error:
        faults.append(document.fault(("analyse", "model"), f"analyse.model: {error}"))
    try:
        ground = ground_of(camera)
    except EdgeError as error:
        faults.append(document.fault(("calibration", "points"), str(error)))
    for place, text in idle(camera, kinds=kinds, ground=ground):
        faults.append(document.fault(place, f"{name_of(place)}: {text}"))
    if ground:
        faults += _area_faults(document, camera, ground)
    return faults


def _area_faults(document: Document, camera: Camera, ground: Ground) -> list[Fault]:
    """Zones whose square metres and whose calibration contradict each other, such as 1.200 for 1200."""
    measured = areas_of((zone.model_copy(update={"area_m2": None}) for zone in camera.zones), ground)
    faults = []
    for i, zone in enumerate(camera.zones):
        told, by_points = zone.area_m2, measured.get(zone.id)
        if told and by_points and not by_points / AREA_OFF <= told <= by_points * AREA_OFF:
            text = f"expected about {round(by_points, 1):g} by the calibration, found {told:g}"
            do = "write thousands without a point, measure again, or leave it out"
            place = ("zones", i, "area_m2")
            faults.append(document.fault(place, f"{name_of(place)}: {text}; {do}"))
    return faults


def _secret_faults(document: Document, place: tuple[str, str], settings: Settings) -> list[Fault]:
    """What is wrong with the secret that a file names, whatever else is wrong with the file."""
    section = document.content.get(place[0])
    name = section.get(place[1]) if isinstance(section, dict) else None
    if not isinstance(name, str) or not re.fullmatch(ID, name):
        return []
    told = []
    try:
        settings.credentials(name)
    except EdgeError as error:
        told.append(str(error))
    if exposed := settings.exposed_secret(name):
        told.append(f"others can read {exposed}; chmod it to 600")
    return [document.fault(place, f"{'.'.join(place)}: {text}") for text in told]
