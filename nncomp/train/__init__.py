"""Training: finds the program. Only this and the CUDA engine need torch."""
