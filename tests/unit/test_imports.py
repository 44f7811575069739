"""The import rules of the design: stages know only what flows between them, libraries have one door each."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "edge"
FILES = sorted(PACKAGE.rglob("*.py"))

STAGES = {"frames", "detections", "tracks", "measurements", "events", "store", "mqtt"}
SHARED = {"dataflow", "geometry", "errors", "config", "__version__"}
DOORS = {
    "onnxruntime": {"detections"},
    "av": {"frames", "demo"},
    "paho": {"mqtt"},
    "scipy": {"tracks"},
    "sqlite3": {"store", "centre"},
    "psycopg": {"centre"},
    "arro3": {"export"},
    "jsonschema_rs": {"centre"},
    "ruamel": {"config"},
    "pydantic_settings": {"config"},
    "cv2": {"detections"},
    "rich": {"centre", "demo", "progress", "detections", "status"},
    "prometheus_client": {"metrics"},
}


def imports(file):
    """The modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            names = [f"edge.{alias.name}" for alias in node.names] if node.module == "edge" else [node.module or ""]
            yield from names


def part(file):
    """The part of the package that a file belongs to."""
    relative = file.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


@pytest.mark.parametrize("file", [f for f in FILES if part(f) in STAGES], ids=lambda f: str(f.relative_to(PACKAGE)))
def test_stage_imports_no_other_stage(file):
    own = part(file)
    for module in imports(file):
        if module.startswith("edge."):
            other = module.split(".")[1]
            assert other in SHARED | {own}, f"{own} imports {module}"


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_library_comes_in_by_its_door(file):
    for module in imports(file):
        doors = DOORS.get(module.split(".")[0])
        assert doors is None or part(file) in doors, f"{part(file)} imports {module}"


def test_shared_parts_import_no_stage():
    for file in FILES:
        if part(file) in SHARED:
            for module in imports(file):
                below = module.split(".")[1] if module.startswith("edge.") else None
                assert below is None or below in SHARED, f"{file} imports {module}"
