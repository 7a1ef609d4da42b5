"""Our parity mode gives the numbers of l2metrics 3.1.0.

The logs are made anew from their seeds by our own writer, and read by our reader; the answers are
the original's, made by `make_oracle_answers.py`.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from l2rl.metrics.l2m import compute_l2m
from tests.parity.comparison import differences, our_experts, our_log, our_options, write_case
from tests.parity.make_oracle_answers import ANSWERS, digest
from tests.parity.random_logs import random_case

CASES: list[dict[str, Any]] = json.loads(ANSWERS.read_text())


@pytest.mark.parametrize("answer", CASES, ids=lambda answer: f"seed-{answer['seed']}")
def test_every_number_is_the_originals(answer: dict[str, Any], tmp_path: Path) -> None:
    case = random_case(answer["seed"])
    assert digest(case) == answer["digest"], "the generator changed: ask the original again"
    log, experts = write_case(case, tmp_path)
    result = compute_l2m(our_log(log), our_experts(experts), our_options(case.options))
    assert differences(result, answer) == []


def test_the_answers_cover_what_can_be_chosen_and_computed() -> None:
    chosen: Counter[str] = Counter()
    for answer in CASES:
        options = random_case(answer["seed"]).options
        chosen.update(f"{name} {value}" for name, value in options.items() if name != "data_range")
        chosen["ranges"] += options["data_range"] is not None
        known = [key for key, value in answer["report"].items() if isinstance(value, float)]
        chosen.update(known)
    for word in (
        *("variant_mode agnostic", "ste_averaging_method time", "aggregation_method median"),
        *("normalization_method run", "normalization_method none", "smoothing_method none"),
        *(f"smoothing_method {kind}" for kind in ("hanning", "hamming", "bartlett", "blackman")),
        *("do_smooth_eval_data True", "clamp_outliers True", "ranges", "perf_recovery"),
        *("perf_maintenance_mrlep", "perf_maintenance_mrtlp", "forward_transfer_ratio"),
        *("backward_transfer_contrast", "ste_rel_perf", "sample_efficiency"),
    ):
        assert chosen[word] >= 2, word
