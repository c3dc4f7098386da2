"""Modules that stand for one of Python's in the tests of that: nncomp behind its names.

They pass arguments on under nncomp's names, and add nothing. All use no network, which is quick.
"""
