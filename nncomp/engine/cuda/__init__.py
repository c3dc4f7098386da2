"""The CUDA engine: network, adaptive stage and coder on a device; the bytes are everyone's.

``device`` finds devices, and compiles and launches the adaptive stage, without torch;
``embedding``, ``layers`` and ``kernels`` are the network's, in Triton; ``network`` is a model's
tensors and the memory of a run; ``batch`` codes blocks together; ``engine`` gathers the calls of
many threads into batches. Only ``device`` imports neither torch nor triton.
"""
