"""What the engagement context offers."""

from __future__ import annotations

from crm_core.engagement.interaction import commands as interaction_commands
from crm_core.engagement.interaction.interaction import Interaction
from crm_core.engagement.task import commands as task_commands
from crm_core.engagement.task.task import Task
from crm_core.kernel.context import Context, commands_in

CONTEXT = Context(
    name="engagement",
    aggregates=(Interaction, Task),
    commands=commands_in(interaction_commands) + commands_in(task_commands),
)
