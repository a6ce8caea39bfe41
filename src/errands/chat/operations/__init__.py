"""What the assistant can do: each operation asks a service, as the person who talks. Slash commands use them too.

None of them publishes, deletes, answers or grants: they give cards, and the person's click does it.
"""

from collections.abc import Mapping

from errands.chat.operations import approvals, drafting, runs, saving, schedules, tasks, templates
from errands.chat.operations.operation import AnyOperation

OPERATIONS: Mapping[str, AnyOperation] = {
    one.name: one
    for one in (
        tasks.list_tasks,
        tasks.get_task,
        tasks.change_task_state,
        tasks.list_agents,
        tasks.describe_tools,
        runs.list_runs,
        runs.explain_run,
        runs.start_run,
        runs.cancel_run,
        drafting.draft,
        drafting.dry_run,
        templates.list_templates,
        templates.show_template,
        templates.try_template,
        templates.use_template,
        saving.save_conversation,
        schedules.set_trigger,
        schedules.preview_schedule,
        approvals.list_approvals,
        approvals.answer_approval,
    )
}
