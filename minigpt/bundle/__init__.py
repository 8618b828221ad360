"""A run as one .safetensors file: weights, snapshots and metrics, with its settings as metadata.

Nothing here imports torch: the bundled demo run is unpacked before the first page is painted.
"""

from minigpt.bundle.demo import DEMO, ensure_demo
from minigpt.bundle.exporting import Contents, contents, export_run
from minigpt.bundle.format import NotARun
from minigpt.bundle.importing import check_size, import_run, read_run

__all__ = [
    "DEMO",
    "Contents",
    "NotARun",
    "check_size",
    "contents",
    "ensure_demo",
    "export_run",
    "import_run",
    "read_run",
]
