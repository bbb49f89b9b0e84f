"""`python -m mqn` is `mqn`."""

from mqn.cli import main

main()
