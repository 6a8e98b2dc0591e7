"""The command line: `govapp check` and what goes with it, for vendors, sponsors and continuous integration.

It needs no account and, unless `--registry` is given, no network. The exit code is the outcome; see `ExitCode`. Most
imports stand inside the commands, so that each loads only what it uses.
"""

from services.audit.cli import checking, drafting, editing, keys, law, ledger, notices, receipts, serving, sweeping
from services.audit.cli.program import BROKEN_PIPE, INTERRUPTED, ExitCode, app, gravest, run

# Importing a file of commands is what adds them to the program.
COMMANDS = (checking, drafting, law, notices, editing, serving, keys, receipts, ledger, sweeping)

__all__ = ["BROKEN_PIPE", "COMMANDS", "INTERRUPTED", "ExitCode", "app", "gravest", "run"]
