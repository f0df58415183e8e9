"""JSON files as the formatter of this repository wants them."""

import json
import re
from pathlib import Path


def write_json(path: Path, value: object) -> None:
    """Two spaces, lists of numbers or texts on one line, and exponents without zeros before them."""
    text = json.dumps(value, indent=2)
    flat = re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", lambda found: "[" + re.sub(r",\s+", ", ", found[1]) + "]", text)
    path.write_text(re.sub(r"(?<=\de-)0+(?=\d,?$)", "", flat, flags=re.MULTILINE) + "\n")
