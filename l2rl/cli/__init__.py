"""The command line. Each command is a few lines over the rooms that do the work."""

from l2rl.cli.main import main

__all__ = ["main"]
