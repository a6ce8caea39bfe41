"""“Save this conversation as a task”, as an operation."""

from errands.chat.desk import Desk, Told
from errands.chat.operations.operation import Arguments, operation
from errands.chat.saving import save_thread


class NewTask(Arguments):
    name: str
    """Of the task: lower-case letters, digits, `-`."""
    description: str = ""
    """What it is for. Empty: what the person asked for first."""


@operation
async def save_conversation(desk: Desk, arguments: NewTask) -> Told:
    """Make a task of this conversation: steps from the tool calls that were made, params from what the person said,
    agent steps from what was written. It is rehearsed against the recorded answers and shown on a card; the person
    clicks Save or Publish."""
    return await save_thread(desk, arguments.name, arguments.description)
