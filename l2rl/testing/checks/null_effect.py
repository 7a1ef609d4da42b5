"""With its null settings a component might as well not be there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from l2rl.testing.checks.same_again import shorter
from l2rl.testing.compare import differences, some
from l2rl.testing.life import Trace, plain_life
from l2rl.testing.lives import Failed, once, references
from l2rl.testing.registry import check
from l2rl.testing.report import Finding, NotApplicable
from l2rl.testing.subject import Subject


@check("null", "With null settings (strength 0), parameters are those without it, bit for bit")
def null(subject: Subject) -> Iterator[Finding]:
    settings = null_settings(subject)
    if settings is None:
        raise NotApplicable("no null settings are known: Conformance(null={'strength': 0})")
    for kind, _ in references(subject):
        way = subject.usual_way(kind)
        found = once(
            subject,
            ("null", kind),
            shorter,
            subject,
            way,
            settings=settings,
        )
        if isinstance(found, Failed):
            yield Finding(f"it lives with {settings}", str(found), "see `works`", kind)
            continue
        yield from _compare(kind, settings, found, plain_life(subject, way).middle)


def _compare(
    kind: str, settings: Mapping[str, Any], found: Trace, plain: Trace | None
) -> Iterator[Finding]:
    assert plain is not None
    different = differences(plain.parameters, found.parameters)
    if different:
        told = f"with {dict(settings)}" if settings else "with any settings (an observer)"
        yield Finding(
            f"{told} the agent learns exactly as without the component",
            f"other bits in {some(different)}",
            "return None from `term_tensors` when there is nothing to add, leave gradients alone, "
            "propose no edit; multiply by a factor that is exactly 1, or not at all",
            kind,
        )


def null_settings(subject: Subject) -> dict[str, Any] | None:
    """The declared null settings, or every strength set to 0; None if there is neither."""
    if subject.hints.null is not None:
        return dict(subject.hints.null)
    config: Any = subject.cls.Config
    if not (isinstance(config, type) and issubclass(config, BaseModel)):
        return None
    names = [n for n in config.model_fields if n == "strength" or n.endswith("_strength")]
    if not names:
        return None
    settings = dict.fromkeys(names, 0)
    try:
        subject.fresh(settings)
    except ValidationError:
        return None
    return settings
