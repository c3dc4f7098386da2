"""A fuzzer: cases made at random, checked for what must hold for all of them.

``mutate`` damages bytes, ``targets`` makes the cases and knows what must hold, ``__main__`` runs
them (``make fuzz``). The folder ``native`` has fuzzers of native code, which libFuzzer leads to
what no test has reached yet (``make fuzz HOURS=N``); ``corpus`` is what they begin with, and
``seeds`` makes the first of it.
"""
