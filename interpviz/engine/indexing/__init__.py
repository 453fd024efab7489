"""The index of a dictionary's features: every feature looked up in a cache."""
