"""Training of models. Only this package and the CUDA engine need torch."""
