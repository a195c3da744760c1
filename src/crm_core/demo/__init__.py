"""A made-up company with nine months behind it, for `make run`, for tests and for benchmarks.

Officine Faro builds espresso machines in Torino. Anna moves her old customers into the new CRM;
Chiara, Tommaso and Davide sell, Ingrid and Xiao repair, Paolo audits. Meridiana, the oldest
customer, finds a new café under water, complains, leaves for Kaldwerk, is won back by a good repair
and an honest visit, and signs for forty machines after the date has slipped again and again.
Nordlys grows hotel by hotel while its breakfast in Oslo fails. A stage of the pipeline gets a
better name and a soberer probability, two records of one woman become one, two women of one name
are told apart again, a bar closes, Davide leaves and Tommaso takes over what he had open.

Every organisation and person is invented; addresses are at example.com, .net and .org, telephone
numbers lie in ranges set aside for fiction.
"""

from __future__ import annotations

from crm_core.demo.demo import DemoCompany, make_demo

__all__ = ["DemoCompany", "make_demo"]
