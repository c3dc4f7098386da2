"""nncomp under test suites that were written for others: Python's file modules, numcodecs, zarr."""
