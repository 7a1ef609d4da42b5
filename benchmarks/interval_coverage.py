"""How often an interval of a few seeds covers the truth: the table in docs/statistics.md.

    OMP_NUM_THREADS=1 python benchmarks/interval_coverage.py [--samples 2000] [--seeds 3 5 10 20]

Lifetimes are drawn from a known distribution, as many as there are seeds, again and again; each
time the intervals of mean, interquartile mean and median are made as `l2rl compare` makes them.
The truth is that of the distribution: its mean, the mean of its middle half, its median.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from scipy import stats

from l2rl.metrics.intervals import METHODS, Values
from l2rl.metrics.statistics import STATISTICS, Bootstrap, summarise

Draw = Callable[[np.random.Generator, int], Values]
DISTRIBUTIONS: dict[str, Draw] = {
    "normal": lambda generator, count: generator.normal(size=count),
    "skewed (exponential)": lambda generator, count: generator.exponential(size=count),
    "heavy tail (log-normal)": lambda generator, count: generator.lognormal(size=count),
    "success rate (beta 8, 2)": lambda generator, count: generator.beta(8, 2, size=count),
    "all or nothing (beta 0.5, 0.5)": lambda generator, count: generator.beta(0.5, 0.5, size=count),
    "paired difference (skewed)": lambda generator, count: (
        generator.gamma(2.0, size=count) - generator.gamma(1.0, size=count)
    ),
}


def truths(draw: Draw) -> dict[str, float]:
    """Of two million values."""
    values = draw(np.random.default_rng(1), 2_000_000)
    middle = float(stats.trim_mean(values, 0.25))
    return {"mean": float(values.mean()), "iqm": middle, "median": float(np.median(values))}


def coverage(draw: Draw, seeds: int, method: str, samples: int) -> dict[str, float]:
    """Share of `samples` whose 95 % interval contains the truth, by statistic."""
    truth, generator = truths(draw), np.random.default_rng(0)
    covered = dict.fromkeys(STATISTICS, 0)
    bootstrap = Bootstrap(resamples=1000, method=method)  # type: ignore[arg-type]
    for number in range(samples):
        found = summarise([draw(generator, seeds)], str(number), bootstrap)
        for name in STATISTICS:
            estimate = getattr(found, name)
            covered[name] += estimate.low <= truth[name] <= estimate.high
    return {name: count / samples for name, count in covered.items()}


def main() -> None:
    """Print one Markdown row a distribution and number of seeds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[3, 5, 10, 20])
    options = parser.parse_args()
    columns = [f"{name}, {method}" for name in STATISTICS for method in METHODS]
    print("| values | seeds | " + " | ".join(columns) + " |")
    print("| --- " * (2 + len(columns)) + "|")
    for title, draw in DISTRIBUTIONS.items():
        for seeds in options.seeds:
            found = {m: coverage(draw, seeds, m, options.samples) for m in METHODS}
            shares = [found[m][name] for name in STATISTICS for m in METHODS]
            print(f"| {title} | {seeds} | " + " | ".join(f"{s:.0%}" for s in shares) + " |")


if __name__ == "__main__":
    main()
