"""Takes the definitions of the metrics out of their documentation, for the report's table.

    python docs/metric_definitions.py

writes `l2rl/report/definitions.tsv`: a qualified name and its definition a line. A test keeps the
two the same.
"""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
WRITTEN = HERE.parent / "l2rl/report/definitions.tsv"
ROW = re.compile(r"^\| (`[^|]+`) \| (.+?) \|", re.MULTILINE)
NAME = re.compile(r"`([a-z0-9_/]+)`")


def definitions() -> str:
    """The lines of the file, in the order of the documentation."""
    found: dict[str, str] = {}
    pages = (("metrics.md", ""), ("metrics_l2m.md", "l2m/"))
    for page, prefix in pages:
        text = (HERE / page).read_text(encoding="utf-8")
        if prefix:
            text = text[: text.index("## Where strict differs")]
        for names, definition in ROW.findall(text):
            for name in NAME.findall(names):
                found[prefix + name] = definition.replace("`", "")
    return "".join(f"{name}\t{definition}\n" for name, definition in found.items())


if __name__ == "__main__":
    WRITTEN.write_text(definitions(), encoding="utf-8")
