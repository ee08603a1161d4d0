"""`python -m labs.cli`: the command `labs`, with this very Python."""

from labs.cli.main import main

main()
