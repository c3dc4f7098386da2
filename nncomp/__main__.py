"""``python -m nncomp``."""

from nncomp.cli.entry import nncomp

if __name__ == "__main__":
    nncomp()
