"""A mistake in a configuration: where it stands, what is wrong, how to mend it."""

from __future__ import annotations

from dataclasses import dataclass

from l2rl.errors import UserError


@dataclass(frozen=True)
class Place:
    """Where a key or a value was written."""

    file: str
    """Path as the user gave it, or `--set agent.n_envs=4`."""
    line: int | None = None
    """From 1; None when the whole file (or the command line) is meant."""
    column: int | None = None
    """From 1, in characters."""

    def __str__(self) -> str:
        if self.line is None:
            return self.file
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Problem:
    """One mistake."""

    place: Place
    message: str
    """What is wrong, in one line."""
    hint: str = ""
    """How to mend it; may be empty."""

    def __str__(self) -> str:
        hint = "".join(f"\n  {line}" for line in self.hint.splitlines())
        return f"{self.place}: {self.message}{hint}"


class ConfigError(UserError):
    """One or several mistakes in a configuration; `str()` prints all of them.

    `file`, `line`, `column`, `message` and `hint` are those of the first.
    """

    def __init__(self, *problems: Problem) -> None:
        super().__init__(*problems)
        self.problems = tuple(dict.fromkeys(problems))

    @classmethod
    def at(cls, place: Place, message: str, hint: str = "") -> ConfigError:
        """The error of one mistake."""
        return cls(Problem(place, message, hint))

    @classmethod
    def from_user_error(cls, place: Place, error: UserError) -> ConfigError:
        """The same complaint with a place: first line the message, the rest the hint."""
        return cls(problem_of(place, error))

    @property
    def file(self) -> str:
        return self.problems[0].place.file

    @property
    def line(self) -> int | None:
        return self.problems[0].place.line

    @property
    def column(self) -> int | None:
        return self.problems[0].place.column

    @property
    def message(self) -> str:
        return self.problems[0].message

    @property
    def hint(self) -> str:
        return self.problems[0].hint

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


def problem_of(place: Place, error: UserError) -> Problem:
    """A `UserError` that was raised without knowing the place, at its place."""
    message, _, hint = str(error).partition("\n")
    return Problem(place, message, "\n".join(line.strip() for line in hint.splitlines()))
