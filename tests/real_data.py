"""Where the public data sets lie: CRM_SHARED_DATA, or `../shared/data` beside the checkout."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DATA = Path(os.environ.get("CRM_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))

needs_real_data = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"the public data sets are not at {DATA} (set CRM_SHARED_DATA)"
)
