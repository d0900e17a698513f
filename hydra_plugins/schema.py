"""Types for conf/: Hydra, also inside DVC, finds this folder at the root of the repository and imports it."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# DVC may run from an environment that has no such package installed, or has the one of another clone.
sys.path.insert(0, str(ROOT / "src"))

from trajectories.config.composition import register  # noqa: E402

register(ROOT / "conf")
