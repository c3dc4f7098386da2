// Python module nncomp._native: argument checks, nothing else.
#include <nanobind/nanobind.h>

NB_MODULE(_native, m) { m.doc() = "The native engine of nncomp."; }
