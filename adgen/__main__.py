"""`python -m adgen ...`."""

import sys

if sys.argv[1:2] == ["health"]:
    # Asked every few seconds: the rest of the command line takes a second to load.
    from adgen.health import main
else:
    from adgen.cli import main

sys.exit(main())
