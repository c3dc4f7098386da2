"""The command line: a client of the public API, and the only part that prints and exits.

Modules here import little at the top, so that ``nncomp --version`` and completion start at once.
"""
