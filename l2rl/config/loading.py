"""`load_experiment`: from a file, or a shipped name, to everything a run needs to know.

All mistakes are found before anything starts, and reported together as one `ConfigError`.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.representer import SafeRepresenter

from l2rl.config import document as documents
from l2rl.config.checks import check
from l2rl.config.components import (
    COMPONENTS_PATH,
    ConfiguredComponent,
    configure,
    normalise_components,
)
from l2rl.config.document import Node, PathKey
from l2rl.config.errors import ConfigError, Place, Problem
from l2rl.config.models import AGENTS, ExperimentConfig
from l2rl.config.overrides import apply_overrides
from l2rl.config.problems import problems_of
from l2rl.config.scenario_base import EXPERIMENT, SCENARIO
from l2rl.config.scenarios import SCENARIOS
from l2rl.config.sources import (
    inline_curriculum,
    name_curriculum,
    name_from,
    read_experiment,
    resolve_start_from,
)
from l2rl.config.writing_out import written_out
from l2rl.curriculum import Curriculum
from l2rl.registry import did_you_mean


@dataclass(frozen=True)
class LoadedExperiment:
    """A checked experiment, and where each part of it was written."""

    config: ExperimentConfig
    """Typed, every default filled in."""
    curriculum: Curriculum
    components: dict[str, ConfiguredComponent]
    """Instance name -> component, sorted by name: the order of listing never matters."""
    resolved: dict[str, Any]
    """`config` as plain data."""
    document: Node = field(repr=False)

    @property
    def text(self) -> str:
        """The resolved configuration as YAML: self-contained, loads back to the same `config`."""
        return dump(self.resolved)

    @property
    def content_hash(self) -> str:
        """sha256 (hex) of the resolved configuration without the seed."""
        return content_hash(self.resolved)

    def locate(self, path: Sequence[PathKey]) -> Place:
        """Where `path` is written, such as `("agent", "components", "ewc", "strength")`; if it
        is not, because it has its default, then where the closest mapping around it is."""
        return self.document.closest(path).pointer

    def error(self, path: Sequence[PathKey], message: str, hint: str = "") -> ConfigError:
        """An error to raise at `path`, for checks that come after loading."""
        return ConfigError.at(self.locate(path), message, hint)

    def block_path(self, index: int) -> tuple[PathKey, ...]:
        """Path of block `index` of `curriculum`, in which repetitions are written out; that of
        the scenario if it was generated."""
        if self.document.find(SCENARIO) is not None:
            return SCENARIO
        return ("curriculum", "blocks", index % len(self.config.curriculum.sequence))


def load_experiment(
    source: str | Path, overrides: Sequence[str] = (), *, check_paths: bool = True
) -> LoadedExperiment:
    """Load a YAML file, or a shipped experiment by its name.

    `overrides`: `path=value` each, as after `--set`. `check_paths`: that `start_from` exists.
    Raises `ConfigError` with every mistake found.
    """
    root, path = read_experiment(source)
    return _load(root, path.stem, path.parent, overrides, check_paths)


def load_text(
    text: str | bytes,
    overrides: Sequence[str] = (),
    *,
    file: str = "config.yaml",
    check_paths: bool = True,
) -> LoadedExperiment:
    """The same from text, such as `LoadedExperiment.text` sent to another machine.

    Relative paths in it are relative to the working directory.
    """
    root = documents.parse(text, file)
    return _load(root, Path(file).stem, None, overrides, check_paths)


def load_curriculum(source: str | Path) -> LoadedExperiment:
    """A curriculum alone, by its shipped name or its path, in an experiment without any settings.

    What depends on the experiment is that of seed 0 and one environment. Raises `ConfigError`.
    """
    root = documents.parse("agent: {learner: ppo}", str(source))
    root.content["curriculum"] = Node(str(source), Place(str(source)))
    return _load(root, "curriculum", None, (), check_paths=True)


def dump(plain: Any) -> str:
    """Plain data as YAML."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Representer = _Representer
    yaml.default_flow_style = False
    yaml.width = 1_000_000
    yaml.allow_unicode = True
    yaml.representer.sort_base_mapping_type_on_output = False
    stream = io.StringIO()
    yaml.dump(plain, stream)
    return stream.getvalue()


_LINE_BREAKS = "\n\r\x85\u2028\u2029"


class _Representer(SafeRepresenter):
    """Writes everything out, and line breaks that YAML would fold as escapes."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_str(self, data: str) -> Any:
        style = '"' if any(line_break in data for line_break in _LINE_BREAKS) else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Representer.add_representer(str, _Representer.represent_str)


def content_hash(resolved: dict[str, Any]) -> str:
    """sha256 (hex) of the canonical JSON of a resolved configuration without its seed.

    An order of blocks that was drawn from the experiment's seed is left out with it.
    """
    plain = {key: value for key, value in resolved.items() if key != "seed"}
    curriculum = plain.get("curriculum", {})
    if (curriculum.get("generated_by") or {}).get("seed") == EXPERIMENT:
        plain["curriculum"] = {**curriculum, "blocks": None}
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


# ---- steps ---------------------------------------------------------------------------------


def _load(
    root: Node, stem: str, folder: Path | None, overrides: Sequence[str], check_paths: bool
) -> LoadedExperiment:
    _check_root(root)
    _name(root, stem)

    def normalise() -> list[Problem]:
        return [*normalise_components(root), *inline_curriculum(root, folder)]

    apply_overrides(root, overrides, normalise)
    problems = normalise()
    name_curriculum(root)
    problems += resolve_start_from(root, folder, check_paths)
    config, more = _typed(root, complained="curriculum" if problems else "")
    problems += more
    components, more = _components(root)
    problems += more
    if config is not None:
        written, more = written_out(config, root)
        problems += [*more, *check(written or config, root)]
        config = written
    if problems or config is None:
        raise ConfigError(*sorted(problems, key=_by_place))
    config = _with_components(config, components)
    plain = config.resolved()
    return LoadedExperiment(config, config.curriculum.curriculum(), components, plain, root)


def _by_place(problem: Problem) -> tuple[str, int, int]:
    place = problem.place
    return place.file, place.line or 0, place.column or 0


def _check_root(root: Node) -> None:
    if root.content is None:
        hint = "an experiment needs at least `agent` and `curriculum`"
        raise ConfigError.at(root.place, "the file is empty", hint)
    if not isinstance(root.content, dict):
        hint = "write `key: value` lines: `experiment`, `agent`, `curriculum`, ..."
        raise ConfigError.at(root.place, "an experiment must be a mapping", hint)
    if is_curriculum(root):
        hint = "name it in an experiment: `curriculum: path/to/this.yaml`"
        raise ConfigError.at(root.place, "this is a curriculum, not an experiment", hint)


def is_curriculum(root: Node) -> bool:
    """Whether the document is a curriculum's, which alone is no experiment."""
    keys = root.content.keys() if isinstance(root.content, dict) else set()
    return "tasks" in keys and bool({"blocks", "scenario"} & keys) and "agent" not in keys


def _name(root: Node, stem: str) -> None:
    """Without `experiment`, the file's name, with what directories do not like replaced."""
    if "experiment" not in root.content:
        root.content = {"experiment": Node(name_from(stem), root.place), **root.content}


def _typed(root: Node, complained: str) -> tuple[ExperimentConfig | None, list[Problem]]:
    """The typed configuration, or what is wrong with it."""
    try:
        return ExperimentConfig.model_validate(root.plain()), []
    except ValidationError as error:
        problems = problems_of(error, ExperimentConfig, root)
    told = "the experiment lacks `curriculum`" if complained else None
    problems = [_chosen(problem, root) for problem in problems if problem.message != told]
    return None, problems


_CHOICES: dict[tuple[PathKey, ...], tuple[str, Iterable[str]]] = {
    ("agent", "learner"): ("`agent` needs a `learner`", AGENTS),
    (*SCENARIO, "kind"): ("a `scenario` needs a `kind`", SCENARIOS),
}
"""Where a word decides what all else beside it means: how a wrong one is complained of, and the
right ones."""


def _chosen(problem: Problem, root: Node) -> Problem:
    """Say more of a choice on which all else depends."""
    for path, (complaint, options) in _CHOICES.items():
        node = root.find(path)
        if node is not None and problem.message.startswith(complaint):
            word = node.plain()
            message = f"`{path[-1]}` is `{word}`, not one of {', '.join(options)}"
            return Problem(node.pointer, message, did_you_mean(str(word), options))
    return problem


def _components(root: Node) -> tuple[dict[str, ConfiguredComponent], list[Problem]]:
    node = root.find(COMPONENTS_PATH)
    listed = node.plain() if node is not None and isinstance(node.content, dict) else {}
    found: dict[str, ConfiguredComponent] = {}
    problems: list[Problem] = []
    for name in sorted(listed):
        settings = {key: value for key, value in listed[name].items() if key != "type"}
        component, wrong = configure(name, listed[name]["type"], settings, root)
        problems += wrong
        if component is not None:
            found[name] = component
    return found, problems


def _with_components(
    config: ExperimentConfig, components: dict[str, ConfiguredComponent]
) -> ExperimentConfig:
    """The configuration with the settings of all components complete."""
    plain = config.resolved()
    plain["agent"]["components"] = {
        name: {"type": component.kind, **component.settings}
        for name, component in components.items()
    }
    return ExperimentConfig.model_validate(plain)
