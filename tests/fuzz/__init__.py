"""A fuzzer: cases made at random, checked for what must hold for all of them.

``mutate`` damages bytes, ``targets`` makes the cases and knows what must hold, ``__main__`` runs
them (``make fuzz``). The folder ``native`` has the same for native code alone, faster and on many
processes (``make fuzz-long``).
"""
