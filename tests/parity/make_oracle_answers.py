"""Asks l2metrics 3.1.0 about random logs and writes `oracle_answers.json`.

    python -m tests.parity.make_oracle_answers --oracle ORACLE/bin/python

ORACLE is an environment of its own, never one of ours:

    python3.11 -m venv ORACLE
    ORACLE/bin/pip install "numpy==1.26.4" "pandas==2.2.3" "pyarrow==15.0.2" \\
        l2logger==1.8.2 l2metrics==3.1.0

With --check N nothing is written: N other random logs are compared instead, and every
disagreement is printed. Left out of the file, but not of a check, are logs on which the last bit of
a sum decides: whether a plateau is reached at one place or another then depends on the
processor.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from l2rl.errors import UserError
from l2rl.metrics.l2m import Corrections, L2MResult, compute_l2m
from l2rl.metrics.l2m.ranges import is_point
from tests.parity.comparison import differences, our_experts, our_log, our_options, write_case
from tests.parity.random_logs import Case, random_case

ANSWERS = Path(__file__).parent / "oracle_answers.json"
CASES = 60
LARGEST_ROWS = 1500
BATCH = 50
NEAR = 1e-9
REGIME_COLUMNS = ("saturation", "exp_to_sat", "term_perf", "exp_to_term_perf", "avg_perf")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--oracle", required=True, help="interpreter of the original's environment")
    parser.add_argument("--check", type=int, default=0, metavar="N", help="compare N other logs")
    parser.add_argument("--first", type=int, default=10_000, help="seed of the first of them")
    chosen = parser.parse_args()
    if chosen.check:
        sys.exit(check(chosen.oracle, range(chosen.first, chosen.first + chosen.check)))
    cases = [random_case(seed) for seed in robust_seeds()]
    answers = [
        {"seed": case.seed, "digest": digest(case), **_kept(answer)}
        for case, answer in ask(chosen.oracle, cases)
        if "report" in answer
    ]
    ANSWERS.write_text(json.dumps(answers, separators=(",", ":"), sort_keys=True) + "\n")
    print(f"{len(answers)} answers, {ANSWERS.stat().st_size} bytes")


def check(oracle: str, seeds: Iterable[int]) -> int:
    """Compare and print; how many disagree."""
    wrong = 0
    for case, answer in ask(oracle, map(random_case, seeds)):
        try:
            result = our_result(case)
        except UserError as error:
            if "error" not in answer:
                wrong += 1
                print(f"seed {case.seed}: ours refuses it: {error}")
            continue
        found = differences(result, answer) if "report" in answer else []
        if found:
            wrong += 1
            print(f"seed {case.seed}:", *found[:5], sep="\n    ")
    print(f"{wrong} disagree")
    return wrong


def ask(oracle: str, cases: Iterable[Case]) -> Iterator[tuple[Case, dict[str, Any]]]:
    """Each case and the original's answer, a batch at a time."""
    batch: list[Case] = []
    for case in cases:
        batch.append(case)
        if len(batch) == BATCH:
            yield from _ask(oracle, batch)
            batch = []
    yield from _ask(oracle, batch)


def digest(case: Case) -> str:
    """Of all performances of a case: says whether the generator still makes the same logs."""
    text = hashlib.sha256()
    for log in (case.log, *case.experts):
        text.update(log.table[log.metrics_columns[0]].combine_chunks().to_numpy().tobytes())
    return text.hexdigest()[:16]


def our_result(case: Case) -> L2MResult:
    """Ours, through files."""
    with tempfile.TemporaryDirectory() as directory:
        log, experts = write_case(case, Path(directory))
        return compute_l2m(our_log(log), our_experts(experts), our_options(case.options))


def robust_seeds() -> Iterator[int]:
    """Seeds of small logs on which no last bit decides."""
    found, seed = 0, 0
    while found < CASES:
        case = random_case(seed)
        if case.log.table.num_rows <= LARGEST_ROWS and _is_robust(case):
            found += 1
            yield seed
        seed += 1


def _is_robust(case: Case) -> bool:
    try:
        result = our_result(case)
    except UserError:
        return False
    ranges = (result.prepared.ranges or {}).values()
    if any(is_point(ends) and ends[0] != ends[1] for ends in ranges):
        return False
    return not _bits_decide_recovery(result) and not _bits_decide_saturation(case, result)


def _bits_decide_recovery(result: L2MResult) -> bool:
    """Whether a value comes near a terminal performance without being equal to it."""
    levels, quantities = result.quantities.term_perf, result.quantities
    for task in result.prepared.tasks:
        regimes = result.prepared.regimes
        blocks = np.flatnonzero(regimes.of_task(task) & regimes.training & ~regimes.asleep)
        for before, judged in itertools.pairwise(blocks):
            series = quantities.series[quantities.begin[judged] : quantities.end[judged]]
            distance = np.abs(series - levels[before])
            if ((distance > 0) & (distance <= NEAR * max(1.0, abs(levels[before])))).any():
                return True
    return False


def _bits_decide_saturation(case: Case, result: L2MResult) -> bool:
    """Whether tolerance of rounding moves a saturation."""
    tolerant = our_options(case.options, corrections=Corrections(tolerant_saturation=True))
    with tempfile.TemporaryDirectory() as directory:
        log, experts = write_case(case, Path(directory))
        other = compute_l2m(our_log(log), our_experts(experts), tolerant)
    same = np.array_equal(result.quantities.exp_to_sat, other.quantities.exp_to_sat, equal_nan=True)
    return not same or str(result.efficiency) != str(other.efficiency)


def _ask(oracle: str, cases: list[Case]) -> Iterator[tuple[Case, dict[str, Any]]]:
    if not cases:
        return
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        questions = []
        for case in cases:
            log, experts = write_case(case, directory / str(case.seed))
            paths = {"log": str(log), "experts": [str(path) for path in experts]}
            questions.append({**paths, "options": case.options})
        (directory / "cases.json").write_text(json.dumps(questions))
        script = Path(__file__).parent / "original_side.py"
        arguments = [str(directory / file) for file in ("cases.json", "answers.json")]
        subprocess.run([oracle, str(script), *arguments], check=True)
        answers = json.loads((directory / "answers.json").read_text())
    yield from zip(cases, answers, strict=True)


def _kept(answer: dict[str, Any]) -> dict[str, Any]:
    """The report and what is computed of regimes, short enough for a repository."""
    regimes = {name: answer["regimes"][name] for name in REGIME_COLUMNS}
    return {"report": _rounded(answer["report"]), "regimes": _rounded(regimes)}


def _rounded(value: Any) -> Any:
    """Twelve digits are more than is compared."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return float(f"{value:.12g}") if isinstance(value, float) else value


if __name__ == "__main__":
    main()
