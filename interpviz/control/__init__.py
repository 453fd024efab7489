"""Decisions: what is wanted, what was answered, and what each panel shows. No widgets, no torch, no files."""
