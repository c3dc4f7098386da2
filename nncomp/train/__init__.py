"""Training: finds the program. The only part of the package, beside the CUDA engine, that needs torch."""
