"""The door of the command line: the environment first, then the commands."""

from __future__ import annotations

from interpviz.core import environment


def main() -> None:
    """Run the command that `sys.argv` gives, and exit with its status."""
    environment.prepare()
    from interpviz.cli.main import run_command

    raise SystemExit(run_command())


if __name__ == "__main__":
    main()
