"""h5py that loads no code from elsewhere: what a process that reads strangers' files imports in its place.

HDF5_PLUGIN_PRELOAD keeps filters out, but not connectors: over a file that it cannot open, HDF5 2.0 loads every
library in its plugin folders to ask whether that can.
"""

from __future__ import annotations

import os

os.environ["HDF5_PLUGIN_PRELOAD"] = "::"
os.environ.pop("HDF5_PLUGIN_PATH", None)
os.environ.pop("HDF5_VOL_CONNECTOR", None)
os.environ.pop("HDF5_DRIVER", None)

import h5py

while h5py.h5pl.size():
    h5py.h5pl.remove(0)

__all__ = ["h5py"]
