"""All commands, and how each ends: 0 done, 2 a mistake of the user's in one sentence, 1 a fault of ours."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer
from typer.exceptions import TyperException

from interpviz.cli import (
    check,
    doctor,
    evaluate,
    export,
    faults,
    features,
    imports,
    models,
    record,
    run,
    sweep,
    train,
    window,
)
from interpviz.core.errors import Cancelled, InterpvizError

STOPPED = 130

app = typer.Typer(
    name="interpviz",
    help="A window into neural networks. Without a command it opens the window.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.callback(invoke_without_command=True)(window.bare)
app.command("open")(window.open_paths)
app.command("demo")(window.demo)
app.command("run")(run.run)
app.command("sweep")(sweep.sweep)
app.command("heads")(run.heads)
app.command("record")(record.record)
app.command("train")(train.train)
app.command("evaluate")(evaluate.evaluate)
app.command("features")(features.features)
app.command("export")(export.export)
app.command("import")(imports.import_activations)
app.add_typer(models.app, name="models")
app.command("check")(check.check)
app.command("doctor")(doctor.doctor)


def run_command(arguments: Sequence[str] | None = None) -> int:
    """Run one command line, without the program's name, and return its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # not every terminal has every sign
    try:
        status = typer.main.get_command(app).main(record.spread(given), "interpviz", standalone_mode=False)
        sys.stdout.flush()
    except TyperException as mistake:
        said = mistake.format_message().replace("Value error, ", "")  # pydantic's word, which typer passes on
        return _mistake(f"{said.rstrip('.')}. See interpviz --help.")
    except InterpvizError as mistake:
        return _mistake(str(mistake))
    except (KeyboardInterrupt, typer.Abort, Cancelled):
        return STOPPED
    except (BrokenPipeError, SystemExit):  # typer makes a SystemExit of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads on: end without a word
        return 0
    except Exception as fault:
        print(faults.sentence(fault), file=sys.stderr)
        return 1
    return status if isinstance(status, int) else 0


def _mistake(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 2
