"""interpviz: a window into neural networks."""

__version__ = "0.1.0"
