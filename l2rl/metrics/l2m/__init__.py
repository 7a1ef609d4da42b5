"""The lifelong-learning metrics of the L2M programme, as l2metrics 3.1.0 computes them or mended.

    log + expert runs + options -> prepared performance -> quantities of regimes -> metrics

Every module is one step or one metric. (Definitions: New et al., arXiv 2201.08278; l2metrics 3.1.0
is the reference for `parity`, and what `strict` changes is listed in `corrections.py`.)
"""

from l2rl.metrics.l2m.corrections import PARITY, STRICT, Corrections
from l2rl.metrics.l2m.options import Options
from l2rl.metrics.l2m.report import report
from l2rl.metrics.l2m.result import L2MResult, compute_l2m

__all__ = ["PARITY", "STRICT", "Corrections", "L2MResult", "Options", "compute_l2m", "report"]
