"""For authors of components: a package to begin with, and reference pages from docstrings."""
