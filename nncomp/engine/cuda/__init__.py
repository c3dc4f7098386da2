"""The CUDA engine: network, adaptive stage and coder on a GPU, with the same bytes as all engines.

``device`` finds GPUs, and compiles and launches the adaptive stage, without torch; ``embedding``,
``layers`` and ``kernels`` are the network in Triton; ``network`` holds a model's tensors and the
memory of a run; ``batch`` codes blocks together; ``engine`` gathers the calls of many threads into
batches. Only ``device`` imports neither torch nor triton.
"""
