"""One page with all films of a replay inside it, so that it can be sent as it is."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from l2rl.runs.files import write_bytes_atomically

_KINDS = {".gif": "image/gif", ".mp4": "video/mp4"}


@dataclass(frozen=True)
class FilmOfTask:
    """One film and what it shows."""

    task: str
    about: str
    """Environment and variant."""
    returns: str
    path: Path

    @property
    def source(self) -> str:
        """The whole film as a `data:` address."""
        content = base64.b64encode(self.path.read_bytes()).decode("ascii")
        return f"data:{_KINDS[self.path.suffix]};base64,{content}"


def write_index(path: Path, title: str, about: str, films: Sequence[FilmOfTask]) -> None:
    """Write the page."""
    environment = Environment(
        loader=PackageLoader("l2rl.film", "."), autoescape=True, undefined=StrictUndefined
    )
    page = environment.get_template("index.html").render(title=title, about=about, films=films)
    write_bytes_atomically(path, page.encode())
