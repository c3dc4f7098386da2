"""``python -m nncomp``."""

from nncomp.cli.main import main

if __name__ == "__main__":
    main()
