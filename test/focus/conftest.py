"""What starts Metertap for the tests of the Python clients starts it here too."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))
