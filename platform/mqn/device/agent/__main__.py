"""`python -m mqn.device.agent`."""

import sys

from mqn.device.agent.server import main

if __name__ == "__main__":
    sys.exit(main())
