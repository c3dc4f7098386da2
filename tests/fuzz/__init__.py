"""A fuzzer: cases made at random, checked for what must hold for all of them.

``mutate`` damages bytes, ``targets`` makes the cases and knows what must hold, ``__main__`` runs
them (``make fuzz``).
"""
