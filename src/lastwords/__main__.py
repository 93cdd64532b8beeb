"""The command `lastwords`, also as `python -m lastwords`."""

import sys


def main() -> None:
    """Run the command line. Ctrl-C ends it with status 130 and no traceback, also while modules are imported.

    So does a module of ours that can't be imported, with status 2 and one line.
    """
    try:
        from lastwords.cli.main import run

        run()
    except KeyboardInterrupt:
        sys.exit(130)
    except ImportError as error:
        from lastwords.plugins import BrokenModule

        if not isinstance(error, BrokenModule):
            raise
        sys.stderr.write(f"lastwords: {error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
