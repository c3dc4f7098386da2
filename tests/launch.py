"""``python -m nncomp``; TEST_MODELS, if set, is where it finds the released models."""

import os
from pathlib import Path

from nncomp import registry
from nncomp.cli.main import main

if directory := os.environ.get("TEST_MODELS"):
    registry.package_directories = lambda: [Path(directory)]
main()
