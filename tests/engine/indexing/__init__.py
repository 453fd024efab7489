"""Indices of features, built."""
