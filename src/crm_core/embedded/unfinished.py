"""Things appear in the data directory whole or not at all: made elsewhere in it, then renamed."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = ".crm-unfinished-"


@contextmanager
def unfinished(data_root: Path) -> Iterator[Path]:
    """A scratch directory beside the thing to be; removed at the end. Hold the lock meanwhile."""
    scratch = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=data_root))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)  # what stays is removed at the next start


def remove_unfinished(data_root: Path) -> None:
    """Remove what killed processes left. Hold the lock: nobody is making anything then."""
    for scratch in data_root.glob(f"{_PREFIX}*"):
        shutil.rmtree(scratch, ignore_errors=True)
