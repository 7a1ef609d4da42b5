"""The L2M metrics of a run of ours, as one family among the metrics of its log."""

from __future__ import annotations

import pyarrow as pa

from l2rl.metrics.l2m.figures import Figure, l2m_figures
from l2rl.metrics.l2m.options import Options
from l2rl.runs.l2logger_view import l2logger_view

DEFAULTS = Options(maintenance="both", transfer="both")
"""As l2metrics' own, but with both kinds of maintenance and transfer: names tell them apart."""


def l2m_family(log: pa.Table) -> dict[str, Figure]:
    """`l2m/...` -> figure for a tidy log, without experts, in parity mode."""
    return l2m_figures(l2logger_view(log), options=DEFAULTS)
