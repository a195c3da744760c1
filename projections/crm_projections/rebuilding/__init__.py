"""Filling read models again from position 1, beside those that serve, by one process or several."""

from crm_projections.rebuilding.comparing import Comparison
from crm_projections.rebuilding.processes import Processes
from crm_projections.rebuilding.rebuild import Rebuild, Rebuilt

__all__ = ["Comparison", "Processes", "Rebuild", "Rebuilt"]
