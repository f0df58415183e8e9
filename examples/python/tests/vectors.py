"""Where the published vectors are, and how their fields are written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from proofmark_check.encoding import Field, from_hex

ROOT = Path(__file__).resolve().parents[3]
VECTORS = ROOT / "attestations" / "vectors"
SHARED = ROOT.parent / "shared" / "vectors"


def wire(name: str) -> Any:
    return json.loads((VECTORS / "wire" / f"{name}.json").read_text("utf-8"))


def evidence(name: str) -> Any:
    return json.loads((VECTORS / "evidence" / f"{name}.json").read_text("utf-8"))


def words(layout: Sequence[Field], fields: dict[str, str]) -> dict[str, int | bytes]:
    """Integers are decimal text, everything else is hex."""
    return {field.name: int(fields[field.name]) if field.bits > 0 else from_hex(fields[field.name]) for field in layout}


def milliseconds(text: str) -> int:
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)
