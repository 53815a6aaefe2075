"""``python -m crossbeat.cli`` is ``crossbeat``."""

import sys

from crossbeat.cli import main

sys.exit(main())
