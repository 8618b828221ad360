"""`python -m minigpt` is the command line."""

import sys

try:
    from minigpt.cli import main
except KeyboardInterrupt:  # Ctrl-C while it starts
    print("stopped", file=sys.stderr)
    sys.exit(130)

sys.exit(main())
