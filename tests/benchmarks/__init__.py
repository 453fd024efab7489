"""Times against a peer in the same run, as ratios: a millisecond says little about another machine.

Each module here has `rows()`, which measures and returns `Row`s; `python -m tests.benchmarks [NAME...]` prints them.
"""
