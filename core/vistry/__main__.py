"""`python -m vistry`."""

from vistry.cli import main

if __name__ == "__main__":
    main()
