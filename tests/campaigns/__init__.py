"""Spoiled and hostile files, killed writers and full disks, by the thousand: no crash, no stall, and nothing wrong
read of what we wrote.

`python -m tests.campaigns [COUNT] [NAME...]` prints one table, of the campaigns whose names hold one of the words.
"""
