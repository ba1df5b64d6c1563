"""The programs ``newaisle`` and ``graph-refresh``: their commands, and how errors are printed."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Annotated

import typer

from ...display import printable
from ...errors import NewaisleError
from .check import check
from .cypher import cypher
from .demo import demo
from .evaluate import evaluate
from .explain import explain
from .fit import fit
from .inspect import inspect
from .output import data_warnings
from .process import INTERRUPTED, TERMINATED, CodedError, OutputError, Terminated, command_process, say
from .recommend import audience, forecast, recommend
from .refresh import refresh
from .targets import route, search, similar

PANELS: dict[str, tuple[Callable[..., None], ...]] = {
    "Start": (demo, check),
    "Model": (fit, evaluate),
    "Answers of a model": (recommend, audience, forecast, explain, similar, search, route),
    "Graph store": (refresh, cypher, inspect),
}
"""Every command, by its heading in the help."""

COMMANDS = tuple(command for commands in PANELS.values() for command in commands)

app = typer.Typer(
    name="newaisle",
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for panel, commands in PANELS.items():
    for command in commands:
        app.command(rich_help_panel=panel)(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"newaisle {version('newaisle')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _newaisle(
    context: typer.Context,
    show_version: Annotated[  # noqa: ARG001 - its callback prints the version
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    debug: Annotated[  # noqa: ARG001 - main removes it from the arguments
        bool, typer.Option("--debug", help="Print the traceback of an error, too; anywhere on the line.")
    ] = False,
) -> None:
    """Recommend product categories and products that nobody has bought yet.

    A fitted model ranks new targets for every user by what a knowledge graph of the catalog says about them. A target
    is a category or product that can be recommended: seen with sales, new without.

    The environment variable NEWAISLE_HOME names the folder for caches and the embedded store; by default it is in the
    user's data directory.

    For example:

        newaisle demo --households 300

        newaisle fit tables:my-shop --out my-model

        newaisle recommend my-model --user 42 -k 10
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 success, 1 error, 2 wrong usage, 130 Ctrl-C, 143 SIGTERM; ``refresh`` has more.

    A reader of standard output that ends early, such as ``head``, ends the command without a word, with 1.

    Args:
        arguments: what follows the name of the program; None for those of this process.
    """
    arguments, debug = _take_debug(sys.argv[1:] if arguments is None else arguments)
    try:
        with command_process(), data_warnings():
            code = app(arguments, prog_name="newaisle", standalone_mode=False)
    except typer.TyperException as error:
        _print_error(error, f"{error.format_message().rstrip('.')}; see --help.", debug)
        code = error.exit_code
    except (NewaisleError, OutputError) as error:
        _print_error(error, str(error), debug)
        code = 1
    except BrokenPipeError:
        code = 1
    except OSError as error:
        _print_error(error, f"{error.filename}: {error.strerror}; see that it can be used.", debug)
        code = 1
    except MemoryError as error:
        _print_error(error, "The memory does not suffice; see the size guide in the documentation.", debug)
        code = 1
    except CodedError as error:
        _print_error(error.error, str(error), debug)
        code = error.code
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Terminated:
        code = TERMINATED
        say("Terminated.")
    if code == INTERRUPTED:
        say("Interrupted.")
    sys.exit(code)


def graph_refresh() -> None:
    """The program ``graph-refresh``: the command ``newaisle refresh``."""
    main(["refresh", *sys.argv[1:]])


def _take_debug(arguments: Sequence[str]) -> tuple[list[str], bool]:
    """The arguments without ``--debug``, wherever it is before ``--``, and whether it was there."""
    end = list(arguments).index("--") if "--" in arguments else len(arguments)
    kept = [argument for argument in arguments[:end] if argument != "--debug"]
    return [*kept, *arguments[end:]], len(kept) < end


def _print_error(error: Exception, message: str, debug: bool) -> None:
    """Print an error to standard error, on one line."""
    if debug:
        traceback.print_exception(error)
    say(printable(" ".join(message.split())))
