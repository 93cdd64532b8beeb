"""`python -m lastwords`."""

from lastwords.cli import main

if __name__ == "__main__":
    main()
