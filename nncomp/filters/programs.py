"""The filters for programs, which others apply to a stream of theirs, by their numbers in files."""

from __future__ import annotations

from nncomp.filters import arm64, x86

__all__ = ["PROGRAMS"]

PROGRAMS = {2: x86, 3: arm64}
