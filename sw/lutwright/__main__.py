"""`python -m lutwright` is the command `lutwright`."""

from lutwright.cli.main import main

if __name__ == "__main__":
    main()
