"""Variants side by side: groups, pairs, effects, and every way to write them down."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from stored_runs import ENVIRONMENTS, stored, sweep

from l2rl.errors import UserError
from l2rl.metrics.comparison import Comparison, compare, profiles
from l2rl.metrics.statistics import Bootstrap
from l2rl.report.comparison_text import (
    FORMATS,
    as_json,
    as_latex,
    as_markdown,
    as_plain_text,
    latex_text,
)
from l2rl.runs.collection import collect

FEW = Bootstrap(resamples=300)
EWC, MONITOR = "consolidation.ewc: {}", "plasticity.monitor: {}"
FORGETTING = "matrix/forgetting"


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two components on and off: the first halves forgetting, the second does nothing."""
    return sweep(
        tmp_path_factory.mktemp("four"),
        {
            "bare": ("{}", 0.8),
            "ewc": (f"{{{EWC}}}", 0.4),
            "monitor": (f"{{{MONITOR}}}", 0.8),
            "both": (f"{{{EWC}, {MONITOR}}}", 0.4),
        },
    )


@pytest.fixture(scope="module")
def found(four: Path) -> Comparison:
    return compared(four)


@pytest.fixture
def two(four: Path, tmp_path: Path) -> Path:
    """Two of the variants, to be spoiled."""
    for variant in ("bare", "ewc"):
        shutil.copytree(four / "exp" / variant, tmp_path / "exp" / variant)
    return tmp_path


def compared(root: Path, **options: object) -> Comparison:
    return compare(collect([root]), bootstrap=FEW, **options)  # type: ignore[arg-type]


def test_variants_are_summarised_over_their_seeds(found: Comparison) -> None:
    assert {group.name: group.seeds for group in found.groups} == dict.fromkeys(
        ("bare", "both", "ewc", "monitor"), (0, 1, 2, 3)
    )
    cell = found.cells["bare", FORGETTING]
    assert cell.summary is not None
    # Losses of 0.8, 0.7, 0.6, 0.5.
    assert cell.summary.mean.value == pytest.approx(0.65)
    assert cell.summary.iqm.value == pytest.approx(0.65)
    assert cell.summary.mean.low is not None
    assert cell.summary.mean.low < 0.65


def test_the_bare_agent_is_the_baseline_and_luck_cancels(found: Comparison) -> None:
    assert found.baseline == "bare"
    against = found.against["ewc", FORGETTING]
    assert against.difference.summary is not None
    mean = against.difference.summary.mean
    assert (mean.value, mean.low, mean.high) == pytest.approx((-0.4, -0.4, -0.4))
    assert against.improvement is not None
    assert against.improvement.value == 1.0
    assert found.against["monitor", FORGETTING].improvement.value == 0.5  # type: ignore[union-attr]
    assert ("bare", FORGETTING) not in found.against


def test_the_effect_of_a_component_is_over_all_pairs_that_differ_by_it_alone(
    found: Comparison,
) -> None:
    effects = {effect.component: effect for effect in found.effects}
    assert set(effects) == {"consolidation.ewc", "plasticity.monitor"}
    ewc = effects["consolidation.ewc"]
    assert set(ewc.pairs) == {("ewc", "bare"), ("both", "monitor")}
    summary = ewc.differences[FORGETTING].summary
    assert summary is not None
    assert summary.mean.value == pytest.approx(-0.4)
    assert summary.lifetimes == 8
    nothing = effects["plasticity.monitor"].differences[FORGETTING].summary
    assert nothing is not None
    assert nothing.mean.value == pytest.approx(0.0)


def test_two_settings_of_a_component_are_no_effect_of_it(tmp_path: Path) -> None:
    sweep(tmp_path, {"weak": (f"{{{EWC}}}", 0.5)})
    strong = "{consolidation.ewc: {strength: 7}, plasticity.monitor: {}}"
    sweep(tmp_path, {"strong": (strong, 0.2)})
    assert compared(tmp_path).effects == ()


def test_another_baseline_can_be_named(two: Path) -> None:
    found = compared(two, baseline="ewc")
    difference = found.against["bare", FORGETTING].difference.summary
    assert difference is not None
    assert difference.mean.value == pytest.approx(0.4)
    with pytest.raises(UserError, match="did you mean `ewc`"):
        compared(two, baseline="ewk")


def test_only_seeds_that_both_have_are_paired(two: Path) -> None:
    shutil.rmtree(two / "exp/ewc/seed-0")
    stored(two, "ewc", 9, 0.9, components=f"{{{EWC}}}")
    assert compared(two).against["ewc", FORGETTING].difference.seeds == (1, 2, 3)


def test_two_seeds_have_values_and_say_why_there_is_no_interval(tmp_path: Path) -> None:
    found = compared(sweep(tmp_path, {"bare": ("{}", 0.8)}, seeds=2))
    cell = found.cells["bare", FORGETTING]
    assert cell.summary is not None
    assert cell.summary.mean.low is None
    text = as_plain_text(found)
    assert "2 seeds: an interval needs at least 3" in text
    assert "[" not in text


def test_other_curricula_are_not_paired(tmp_path: Path) -> None:
    sweep(tmp_path, {"bare": ("{}", 0.5)})
    for seed in range(3):
        longer = ("curriculum.blocks.0.env_steps=20",)
        stored(tmp_path, "longer", seed, 0.5, components=f"{{{EWC}}}", overrides=longer)
    against = compared(tmp_path).against["longer", FORGETTING]
    assert against.difference.summary is None
    assert against.reason == "the two lived through different curricula"


def test_curricula_that_are_drawn_from_the_seed_are_paired_seed_by_seed(tmp_path: Path) -> None:
    for variant, components in (("bare", "{}"), ("ewc", f"{{{EWC}}}")):
        for seed in range(4):
            drawn = 10 + seed + (variant == "ewc" and seed == 3)
            steps = (f"curriculum.blocks.0.env_steps={drawn}",)
            stored(tmp_path, variant, seed, 0.5, components=components, overrides=steps)
    found = compared(tmp_path)
    assert found.against["ewc", FORGETTING].difference.seeds == (0, 1, 2)
    assert [effect.component for effect in found.effects] == ["consolidation.ewc"]
    assert not any("configuration" in warning for warning in found.warnings)


def test_versions_are_not_mixed(tmp_path: Path) -> None:
    sweep(tmp_path, {"bare": ("{}", 0.5)})
    newer = {"minigames": {**ENVIRONMENTS["minigames"], "version": "2"}}
    stored(tmp_path, "bare", 7, 0.5, environments=newer)
    with pytest.raises(UserError, match="environments differ"):
        compared(tmp_path)


def test_broken_runs_are_listed_and_the_others_compared(two: Path) -> None:
    (part,) = (two / "exp/bare/seed-1/log").glob("*.parquet")
    part.write_bytes(b"no parquet")
    stored(two, "bare", 8, 0.5, complete=False)
    found = compared(two)
    assert found.groups[0].seeds == (0, 2, 3)
    reasons = {one.path.name: one.reason for one in found.left_out}
    assert "is damaged" in reasons["seed-1"]
    assert "interrupted" in reasons["seed-8"]
    assert "seed-8" in as_plain_text(found)
    used = compare(collect([two], incomplete=True), bootstrap=FEW)
    assert used.groups[0].seeds == (0, 2, 3, 8)
    assert "bare: used until the last evaluation, seeds 8" in used.warnings


def test_nothing_usable_is_one_message(tmp_path: Path) -> None:
    stored(tmp_path, "bare", 0, 0.5, complete=False)
    with pytest.raises(UserError, match=r"no run to compare\n.*interrupted"):
        compared(tmp_path)


def test_a_metric_that_some_seed_lacks_says_which(two: Path) -> None:
    found = compared(two, metrics=["cw/forward_transfer"])
    cell = found.cells["bare", "cw/forward_transfer"]
    assert cell.summary is None
    assert "no expert run for task a: run `l2rl experts`" in cell.reason
    assert "l2rl experts" in as_plain_text(found)
    with pytest.raises(UserError, match="did you mean `cw/forward_transfer`"):
        compared(two, metrics=["cw/forward_transfr"])


def test_experiments_are_groups_of_their_own_or_strata_of_one(tmp_path: Path) -> None:
    for experiment, final in (("one", 0.2), ("two", 0.6)):
        for seed in range(3):
            stored(tmp_path, "bare", seed, final, experiment=experiment)
    apart = compared(tmp_path)
    assert [group.name for group in apart.groups] == ["one/bare", "two/bare"]
    pooled = compared(tmp_path, pool=True)
    assert [group.name for group in pooled.groups] == ["bare"]
    summary = pooled.cells["bare", FORGETTING].summary
    assert summary is not None
    assert summary.lifetimes == 6
    # Within an experiment all seeds are alike, so resampling by strata changes nothing.
    assert (summary.mean.low, summary.mean.high) == pytest.approx((0.6, 0.6))


def test_intervals_of_few_seeds_come_with_a_warning(found: Comparison, tmp_path: Path) -> None:
    assert any("too narrow" in warning for warning in found.warnings)
    assert "too narrow" in as_plain_text(found)
    assert "--interval t" in as_plain_text(found)
    two_seeds = compared(sweep(tmp_path, {"bare": ("{}", 0.5)}, seeds=2))
    assert two_seeds.warnings == ()


def test_profiles_of_all_variants_share_their_thresholds(found: Comparison) -> None:
    drawn = profiles(found, FORGETTING, bootstrap=FEW)
    assert set(drawn) == {group.name for group in found.groups}
    for profile in drawn.values():
        assert profile.thresholds.tolist() == drawn["bare"].thresholds.tolist()
        assert profile.share[-1] == 0.0
        assert (np.diff(profile.share) <= 0).all()
    assert drawn["bare"].share[0] == 1.0
    assert profiles(found, "cw/forward_transfer") == {}


def test_the_same_comparison_twice_is_the_same(found: Comparison, four: Path) -> None:
    assert as_json(found) == as_json(compared(four))


def test_csv_is_tidy_and_json_is_strict(found: Comparison) -> None:
    rows = list(csv.DictReader(io.StringIO(FORMATS["csv"](found))))
    mine = [r for r in rows if (r["variant"], r["metric"]) == ("ewc", FORGETTING)]
    assert {r["interval_env_steps"] for r in mine} == {"10.0"}
    assert {r["episodes_per_evaluation"] for r in mine} == {"5.0"}
    assert {r["statistic"] for r in mine} == {
        "mean",
        "iqm",
        "median",
        "paired_difference",
        "probability_of_improvement",
    }
    read = json.loads(as_json(found), parse_constant=pytest.fail)
    by_seed = read["groups"]["ewc"]["metrics"][FORGETTING]["by_seed"]["exp"]
    assert by_seed == pytest.approx({"0": 0.4, "1": 0.3, "2": 0.2, "3": 0.1})


def test_the_cadence_is_printed_beside_every_metric_that_depends_on_it(
    found: Comparison,
) -> None:
    for text in (as_plain_text(found), as_markdown(found), as_latex(found)):
        assert text.count("measured every 10 env steps, 5 episodes") >= 4


def test_markdown_and_latex_have_every_variant_and_escape_their_signs(tmp_path: Path) -> None:
    sweep(tmp_path, {"bare": ("{}", 0.8), "a_b+100": (f"{{{EWC}}}", 0.4)})
    found = compared(tmp_path)
    markdown = as_markdown(found)
    heading = next(line for line in markdown.splitlines() if line.startswith("| variant"))
    assert FORGETTING in heading
    assert all(line.count("|") >= 3 for line in markdown.splitlines() if line.startswith("|"))
    latex = as_latex(found)
    assert r"a\_b+100" in latex
    body = [line for line in latex.splitlines() if not line.startswith("%")]
    assert "_" not in "".join(body).replace(r"\_", "")
    assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}") > 1


def test_every_row_of_a_latex_table_has_the_columns_of_its_heading(found: Comparison) -> None:
    tables = re.findall(r"\\begin{tabular}{(\w+)}(.*?)\\end{tabular}", as_latex(found), re.DOTALL)
    assert len(tables) > 3
    for columns, body in tables:
        rows = [line for line in body.splitlines() if line.endswith(r"\\")]
        assert len(rows) > 1
        for row in rows:
            over_all = re.search(r"\\multicolumn{(\d+)}", row)
            if over_all:
                assert int(over_all[1]) == len(columns)
            else:
                assert len(re.findall(r"(?<!\\)&", row)) + 1 == len(columns)


def test_latex_reads_nothing_in_a_name() -> None:
    text = latex_text("\\input{x} 50% $a_1^2$ #&~ é ≥ 日 <b>")
    # What stays is escaped signs and words of our own.
    ours = r"\\[&%$#_{}]|\\text\w+{}|\$\\geq\$"
    assert not set(re.sub(ours, "", text)) & set("\\{}$&#%_^~<>")
    assert text.isprintable()
    assert "é" in text
    assert "?" in text
    assert latex_text("-0.5 [-1, 2]") == "$-$0.5 [$-$1, 2]"
    assert latex_text("ewc-2 seed-1") == "ewc-2 seed-1"


def test_the_method_of_the_intervals_is_named_and_t_is_wider(four: Path) -> None:
    by_t = compare(collect([four]), bootstrap=Bootstrap(resamples=300, method="t"))
    usual = compared(four)
    assert not any("too narrow" in warning for warning in by_t.warnings)
    for text in (as_plain_text(by_t), as_markdown(by_t), as_latex(by_t)):
        assert "Student's t" in text
    assert json.loads(as_json(by_t))["interval"] == "t"
    assert "percentile bootstrap" in as_markdown(usual)
    ends = [c.cells["bare", FORGETTING].summary.mean for c in (by_t, usual)]  # type: ignore[union-attr]
    assert ends[0].high - ends[0].low > ends[1].high - ends[1].low  # type: ignore[operator]
