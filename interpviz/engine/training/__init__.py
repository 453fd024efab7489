"""Training dictionaries on caches: what is read, the step, the schedule, the checkpoints."""
