"""The command line ``newaisle``: its commands, and how errors are told."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated

import typer

from .ask import explain, route, search, similar
from .cypher import cypher
from .demo import demo
from .evaluate import evaluate
from .fit import fit
from .inspect import inspect
from .output import printable
from .plan import audience, forecast
from .recommend import recommend
from .refresh import refresh

COMMANDS = (
    demo,
    fit,
    recommend,
    audience,
    forecast,
    explain,
    similar,
    search,
    route,
    evaluate,
    refresh,
    cypher,
    inspect,
)
"""Every command, in the order of the help."""

INTERRUPTED = 130

app = typer.Typer(
    name="newaisle",
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in COMMANDS:
    app.command()(command)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"newaisle {version('newaisle')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _newaisle(
    context: typer.Context,
    show_version: Annotated[  # noqa: ARG001 - the callback answers it
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
    debug: Annotated[  # noqa: ARG001 - main has taken it out, wherever it stood
        bool, typer.Option("--debug", help="Print the traceback of an error too; may stand anywhere.")
    ] = False,
) -> None:
    """Recommends product categories that nobody has bought yet, from a catalog knowledge graph.

    NEWAISLE_HOME names the folder of caches and the embedded store (default: the user's data directory).

    For example:

        newaisle cypher "MATCH (c:Newaisle:Category) RETURN count(c) AS categories"
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 for success, 1 for an error, 2 for wrong usage, 130 for Ctrl-C.

    The command ``refresh`` has further codes.

    Args:
        arguments: what follows the name of the program; None for those of this process.
    """
    given, debug = _take_debug(sys.argv[1:] if arguments is None else arguments)
    from ...errors import NewaisleError
    from .exit_codes import CodedError

    try:
        code = app(given, prog_name="newaisle", standalone_mode=False)
    except typer.TyperException as error:
        _tell(error, f"{error.format_message().rstrip('.')}; see --help.", debug)
        code = error.exit_code
    except NewaisleError as error:
        _tell(error, str(error), debug)
        code = 1
    except CodedError as error:
        _tell(error.error, str(error), debug)
        code = error.code
    except KeyboardInterrupt:
        code = INTERRUPTED
    if code == INTERRUPTED:
        sys.stderr.write("Interrupted.\n")
    sys.exit(code)


def graph_refresh() -> None:
    """The program ``graph-refresh``: the command ``newaisle refresh``."""
    main(["refresh", *sys.argv[1:]])


def _take_debug(arguments: Sequence[str]) -> tuple[list[str], bool]:
    """Take ``--debug`` out of the arguments before ``--``, so that it may stand anywhere."""
    given = list(arguments)
    end = given.index("--") if "--" in given else len(given)
    kept = [argument for argument in given[:end] if argument != "--debug"]
    return kept + given[end:], len(kept) < end


def _tell(error: Exception, message: str, debug: bool) -> None:
    """Print an error to standard error, on one line."""
    if debug:
        traceback.print_exception(error)
    sys.stderr.write(printable(" ".join(message.split())) + "\n")
