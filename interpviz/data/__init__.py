"""What is read and written: activations, models, sessions, settings. HDF5 is opened in child processes only."""
