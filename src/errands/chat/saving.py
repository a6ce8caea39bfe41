"""“Save this conversation as a task”."""

from errands.chat.desk import Desk, Told
from errands.services.errors import Invalid


async def save_thread(desk: Desk, name: str, description: str) -> Told:
    """Draft a task from the tool calls of the thread. Raises Invalid where there are none."""
    raise Invalid("No tool was called in this conversation.", "Let the assistant do the work once, then save it.")
