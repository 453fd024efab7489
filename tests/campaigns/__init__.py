"""Spoiled files by the thousand: no crash, no stall, and no wrong read of a file that we wrote.

`python -m tests.campaigns [COUNT]` prints one table.
"""
