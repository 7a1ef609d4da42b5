"""Runs l2metrics 3.1.0 over prepared logs; for its own environment, imports nothing of ours.

    python original_side.py CASES.json ANSWERS.json

CASES.json: a list of {"log": directory, "experts": [directories], "options": {...}}.
"""

import contextlib
import io
import json
import logging
import math
import os
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "Agg")
STORE = tempfile.mkdtemp()
os.environ["L2DATA"] = STORE

import l2logger.util as l2l  # noqa: E402
import numpy as np  # noqa: E402
from l2metrics.report import MetricsReport  # noqa: E402
from l2metrics.util import store_ste_data  # noqa: E402


def answer(case):
    """The report, the regimes and the prepared performance; or what was raised."""
    shutil.rmtree(Path(STORE) / "taskinfo", ignore_errors=True)
    try:
        # A stored run is put before those already there.
        for directory in reversed(case["experts"]):
            store_ste_data(Path(directory), "a")
        report = MetricsReport(log_dir=case["log"], **case["options"])
        with contextlib.redirect_stdout(io.StringIO()):
            report.calculate()
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    column = case["options"]["perf_measure"]
    return {
        "report": plain(report.ll_metrics_dict),
        "regimes": plain(report.regime_metrics_df.to_dict("list")),
        "performance": plain(report._log_data[column].to_numpy(dtype=float)),
    }


def plain(value):
    """In the types of JSON; what is not finite as None or, for infinities, as text."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if isinstance(value, float) and math.isnan(value):
        return None
    return value


def main():
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    l2l.get_l2data_root(warn=False)
    cases = json.loads(Path(sys.argv[1]).read_text())
    answers = [answer(case) for case in cases]
    Path(sys.argv[2]).write_text(json.dumps(answers))
    shutil.rmtree(STORE, ignore_errors=True)


if __name__ == "__main__":
    main()
