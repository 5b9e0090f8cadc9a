import sys
from pathlib import Path

for _room in ("rtl", "property", "conformance", "unit", "prove", "hls"):
    sys.path.insert(0, str(Path(__file__).parent / _room))
