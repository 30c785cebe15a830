"""Run the command line: ``python -m mcpworkload.cli``."""

from mcpworkload.cli.app import main

if __name__ == "__main__":
    main()
