"""The one exception that is the user's business."""

from __future__ import annotations


class UserError(Exception):
    """A mistake of the user's: the CLI prints its message without traceback."""
