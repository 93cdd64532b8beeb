"""The command `lastwords`, also as `python -m lastwords`."""

import sys


def main() -> None:
    """Run the command line. Ctrl-C ends it with status 130 and no traceback, also while modules are imported."""
    try:
        from lastwords.cli.main import run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
