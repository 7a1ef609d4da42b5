"""Reference pages of components, made from their docstrings, settings and declarations."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from l2rl.agents.surroundings import learners_for
from l2rl.capabilities import EXCLUSIVE
from l2rl.component import HOOKS, Component
from l2rl.errors import UserError
from l2rl.registry import COMPONENTS, component_class, component_names, distribution_of

_ARXIV: Final = re.compile(r"arXiv[: ]?\s*(\d{4}\.\d{4,5})")
_BOUNDS: Final = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


@dataclass(frozen=True)
class Setting:
    """One field of a component's Config; `unit` from the end of its name."""

    name: str
    kind: str
    values: str
    """Range or choices."""
    default: str
    unit: str
    meaning: str


@dataclass(frozen=True)
class Reference:
    """All that a page says."""

    name: str
    what: str
    text: str
    """The module's docstring, else the class's."""
    equations: tuple[str, ...]
    """Indented passages of it."""
    sources: tuple[str, ...]
    """arXiv ids in it."""
    settings: tuple[Setting, ...]
    learners: tuple[str, ...]
    needs: tuple[str, ...]
    uses: tuple[str, ...]
    provides: tuple[str, ...]
    not_with: tuple[str, ...]
    """Other components that it cannot be with, and why."""
    hooks: tuple[str, ...]
    cost: str


def reference_of(name: str) -> Reference:
    """What is to be said of a registered component. Raises `UserError` if there is none."""
    cls: type[Component] = component_class(name)
    module = inspect.getmodule(cls)
    text = inspect.cleandoc((module.__doc__ if module else None) or cls.__doc__ or "")
    needs, provides = _requirements(cls)
    return Reference(
        name=name,
        what=(cls.__doc__ or "").strip().partition("\n")[0],
        text=text,
        equations=tuple(_indented(text)),
        sources=tuple(dict.fromkeys(_ARXIV.findall(text))),
        settings=tuple(_settings(cls.Config)),
        learners=learners_for(cls),
        needs=needs,
        uses=tuple(cls.uses),
        provides=provides,
        not_with=tuple(_not_with(name, cls, provides)),
        hooks=tuple(h for h in HOOKS if getattr(cls, h) is not getattr(Component, h)),
        cost=cls.cost,
    )


def _requirements(cls: type[Component]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """With default settings where there are defaults."""
    try:
        needs, provides = cls().requirements()
    except Exception:  # a Config with required settings, or whatever the author's class raises
        needs, provides = cls.needs, cls.provides
    return tuple(map(str, needs)), tuple(provides)


def _indented(text: str) -> Iterator[str]:
    """Passages indented by four, without what they are indented by."""
    for passage in re.findall(r"(?:^    .*\n?(?:\n(?=    ))?)+", text, re.MULTILINE):
        yield inspect.cleandoc(passage)


def _settings(config: Any) -> Iterator[Setting]:
    for name, field in getattr(config, "model_fields", {}).items():
        kind = re.sub(r"\b(typing|l2rl\.[\w.]+)\.", "", str(field.annotation))
        kind = kind if "[" in kind or "|" in kind else getattr(field.annotation, "__name__", kind)
        bounds = [
            f"{sign} {getattr(limit, key)}"
            for limit in field.metadata
            for key, sign in _BOUNDS.items()
            if getattr(limit, key, None) is not None
        ]
        choices = re.fullmatch(r"Literal\[(.*)\]", kind)
        yield Setting(
            name=name,
            kind="choice" if choices else kind,
            values=choices.group(1).replace("'", "`") if choices else ", ".join(bounds),
            default="required" if field.is_required() else _shown(field.get_default()),
            unit=_unit(name),
            meaning=field.description or "",
        )


def _shown(value: Any) -> str:
    return "null" if value is None else str(value) if isinstance(value, str) else repr(value)


def _unit(name: str) -> str:
    """From the suffix by which settings are named."""
    units = {
        "env_steps": "env steps",
        "updates": "updates",
        "episodes": "episodes",
        "share": "share",
        "samples": "samples",
        "states": "states",
        "transitions": "transitions",
        "steps": "gradient steps",
    }
    return next((unit for suffix, unit in units.items() if name.endswith(suffix)), "")


def _not_with(name: str, cls: type[Component], provides: Sequence[str]) -> Iterator[str]:
    for other, reason in cls.conflicts.items():
        yield f"{other}: {reason}"
    for other in component_names():
        if other == name:
            continue
        try:
            theirs = component_class(other)
        except UserError:
            continue
        both = sorted(EXCLUSIVE & {*provides} & {*_requirements(theirs)[1]})
        if both:
            yield f"{other}: both own {', '.join(both)}"
        elif name in theirs.conflicts and other not in cls.conflicts:
            yield f"{other}: {theirs.conflicts[name]}"


# ---- as Markdown -----------------------------------------------------------------------------


def markdown(page: Reference) -> str:
    """The page of one component."""
    lines = [f"# {page.name}", "", page.what, "", *_facts(page), ""]
    lines += ["## The method", "", page.text, ""]
    if page.settings:
        lines += ["## Settings", "", *_table(page), ""]
    return "\n".join(lines)


def _facts(page: Reference) -> Iterator[str]:
    links = [f"[arXiv {s}](https://arxiv.org/abs/{s})" for s in page.sources]
    rows = {
        "learners": ", ".join(page.learners),
        "needs": ", ".join(page.needs) or "nothing",
        "uses where offered": ", ".join(page.uses) or "nothing",
        "provides": ", ".join(page.provides) or "nothing",
        "cannot be with": "; ".join(page.not_with) or "nobody it is known of",
        "cost": page.cost or "not declared",
        "sources": ", ".join(links) or "see below",
        "hooks": ", ".join(f"`{hook}`" for hook in page.hooks),
    }
    yield from ("| | |", "|---|---|")
    yield from (f"| {key} | {_cell(value)} |" for key, value in rows.items())


def _table(page: Reference) -> Iterator[str]:
    yield from (
        "| setting | type | values | default | unit | meaning |",
        "|---|---|---|---|---|---|",
    )
    for s in page.settings:
        cells = [f"`{s.name}`", s.kind, s.values, f"`{s.default}`", s.unit, s.meaning]
        yield "| " + " | ".join(map(_cell, cells)) + " |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def index(pages: Sequence[Reference]) -> str:
    """The list of all pages."""
    lines = [
        "# Components",
        "",
        "Made from docstrings by `l2rl reference`; `l2rl components NAME` shows the same.",
        "",
        "| component | learners | what it does |",
        "|---|---|---|",
    ]
    lines += [
        f"| [{p.name}]({p.name}.md) | {', '.join(p.learners)} | {_cell(p.what)} |" for p in pages
    ]
    return "\n".join([*lines, ""])


def shipped_names() -> list[str]:
    """Registered components of this distribution; those of others have pages of their own."""
    return [n for n in component_names() if distribution_of(COMPONENTS, n).startswith("l2rl ")]


def written_pages(names: Sequence[str] | None = None) -> dict[str, str]:
    """File name -> content."""
    pages = [reference_of(name) for name in (shipped_names() if names is None else names)]
    return {"README.md": index(pages), **{f"{p.name}.md": markdown(p) for p in pages}}


def write_pages(folder: Path) -> list[Path]:
    """Write all pages into a folder, and take away pages of components that are no more."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = written_pages()
    for old in folder.glob("*.md"):
        if old.name not in pages:
            old.unlink()
    for name, content in pages.items():
        (folder / name).write_text(content, encoding="utf-8")
    return [folder / name for name in pages]
