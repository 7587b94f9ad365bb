"""Runs the command as `python -m lineage.cli`."""

import sys

from lineage.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
