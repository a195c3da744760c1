"""Every read model of the product, and every report. A new one is a folder and a line here.

One that another package brings is found by an entry point of the group `crm_projections`:

    [project.entry-points.crm_projections]
    visits = "acme_crm.visits:Visits"
"""

from __future__ import annotations

from collections import Counter
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from crm_core import SetupError
from crm_projections.access_register.projection import AccessRegister
from crm_projections.audit_trail.projection import AuditTrail
from crm_projections.bulk_list.projection import BulkList
from crm_projections.customer_directory.projection import CustomerDirectory
from crm_projections.projection import Projection
from crm_projections.reporting import Report
from crm_projections.sales_pipeline.projection import SalesPipeline
from crm_projections.sales_pipeline.reports import SALES_REPORTS
from crm_projections.task_list.projection import TaskList
from crm_projections.ticket_queue.projection import TicketQueue
from crm_projections.ticket_queue.reports import TICKET_REPORTS
from crm_projections.timeline.projection import Timeline

__all__ = ["PROJECTIONS", "REPORTS", "all_projections"]

PROJECTIONS: tuple[Projection, ...] = (
    CustomerDirectory(),
    SalesPipeline(),
    TicketQueue(),
    TaskList(),
    BulkList(),
    AccessRegister(),
    Timeline(),
    AuditTrail(),
)

REPORTS: tuple[Report[Any, Any], ...] = (*SALES_REPORTS, *TICKET_REPORTS)
_GROUP = "crm_projections"


def all_projections() -> tuple[Projection, ...]:
    """The product's, then those of other packages that are installed, by name.

    Raises SetupError `projection.not_loaded` and `projection.name_taken`.
    """
    plugged_in = sorted(entry_points(group=_GROUP), key=lambda entry: entry.name)
    found = (*PROJECTIONS, *map(_loaded, plugged_in))
    _refuse_twice("name", [projection.name for projection in found])
    _refuse_twice("table", [table.name for projection in found for table in projection.tables])
    return found


def _loaded(entry: EntryPoint) -> Projection:
    package = entry.dist.name if entry.dist is not None else entry.value
    try:
        projection_class = entry.load()
    except Exception as error:
        raise _not_loaded(entry, package, type(error).__name__) from error
    if not (isinstance(projection_class, type) and issubclass(projection_class, Projection)):
        raise _not_loaded(entry, package, "it names no subclass of Projection")
    try:
        return projection_class()
    except Exception as error:
        raise _not_loaded(entry, package, type(error).__name__) from error


def _not_loaded(entry: EntryPoint, package: str, cause: str) -> SetupError:
    return SetupError(
        "projection.not_loaded",
        f"mend the entry point `{entry.name}` of the package `{package}`, or uninstall it",
        plugin=entry.name,
        package=package,
        value=entry.value,
        cause=cause,
    )


def _refuse_twice(what: str, names: list[str]) -> None:
    for name, times in Counter(names).items():
        if times > 1:
            raise SetupError(
                "projection.name_taken",
                "give one of the two projections another name for it",
                what=what,
                name=name,
            )
