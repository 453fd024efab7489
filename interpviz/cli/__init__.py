"""The command line: one module a group of commands. It stands on `api`; only `window` opens the window."""
