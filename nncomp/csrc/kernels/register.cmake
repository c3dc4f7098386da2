# Every kernel, fastest first: the name of its folder, the processors it is compiled for (`any`, or a name of
# CMakeLists.txt), and the features that it needs of one. A feature is a flag of the compiler, -mFEATURE, or for arm64
# -march=armv8.2-a+FEATURE, and has a row in cpu.cpp, which asks the processor for it. Nothing else lists kernels.
kernel(amx linux_x86 avx512f avx512bw avx512dq avx512vl avx512vnni amx-tile amx-int8)
kernel(avx512 x86 avx512f avx512bw avx512dq avx512vl avx512vnni)
kernel(avxvnni x86 avx2 avxvnni)
kernel(avx2 x86 avx2)
kernel(sse41 x86 sse4.1)
kernel(dotprod arm64 dotprod)
kernel(neon arm64)
kernel(portable any)
