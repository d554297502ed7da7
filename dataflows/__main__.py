"""`python -m dataflows` is `anlan`."""

from dataflows.cli import main

main(prog_name="anlan")
