"""A component is built where it runs: in a Ray worker, from its name and settings alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from l2rl.component import Component
from l2rl.registry import component_class, is_import_string
from l2rl.testing.compare import differences, some
from l2rl.testing.life import Life, generators_put_back
from l2rl.testing.lives import lived
from l2rl.testing.registry import check
from l2rl.testing.report import Finding, NotApplicable
from l2rl.testing.subject import Subject, import_string, subject_of

_MEND = (
    "keep the class at the top of an importable module; make everything else in `__init__` or "
    "`bind` from the settings: no open files, sockets or module state"
)


@check("worker", "A Ray worker builds it from name and settings alone, to the same bits", slow=True)
def worker(subject: Subject) -> Iterator[Finding]:
    name = subject.name
    if is_import_string(name) and "<locals>" in name:
        raise NotApplicable("the class is inside a function: no other process can import it")
    if is_import_string(name):
        import_string(subject.cls)
    kinds = [kind for kind, _ in lived(subject)]
    settings = {**subject.hints.active, **subject.settings}
    for kind in kinds[-1:]:
        here = built(name, settings, kind)
        try:
            there = _built_by_ray(name, settings, kind, _folder_of(subject.cls))
        except Exception as error:  # whatever ray passes on
            yield Finding(
                "a worker builds the agent with it",
                str(error).strip().splitlines()[-1],
                _MEND,
                kind,
            )
            continue
        different = differences(here, there)
        if different:
            yield Finding(
                "a worker's agent is born with the same parameters and state",
                f"they differ in {some(different)}",
                _MEND,
                kind,
            )


def built(name: str, settings: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Parameters and component state after the first visit, from name and settings."""
    subject = subject_of(component_class(name), settings=settings)
    subject.name = name
    with generators_put_back():
        trace = Life(subject, subject.usual_way(kind)).live(4).finished()
    return {"parameters": trace.parameters, "component": trace.component}


def _built_by_ray(name: str, settings: Mapping[str, Any], kind: str, folder: str) -> dict[str, Any]:
    import ray

    own = not ray.is_initialized()
    if own:
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    try:

        @ray.remote(num_cpus=1)
        def build() -> Any:
            import sys

            import torch as torch_there

            torch_there.set_num_threads(1)
            if folder not in sys.path:
                sys.path.insert(0, folder)
            from l2rl.testing.checks.elsewhere import built as built_there

            return built_there(name, settings, kind)

        answer: dict[str, Any] = ray.get(build.remote(), timeout=180)
        return answer
    finally:
        if own:
            ray.shutdown()


def _folder_of(cls: type[Component]) -> str:
    """The folder from which the class's module is imported."""
    import sys

    module = sys.modules[cls.__module__]
    file = Path(str(getattr(module, "__file__", ".")))
    return str(file.parents[cls.__module__.count(".")])
