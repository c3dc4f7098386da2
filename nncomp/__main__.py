"""``python -m nncomp`` runs the same program as the command ``nncomp``."""

from nncomp.cli.entry import nncomp

if __name__ == "__main__":
    nncomp()
