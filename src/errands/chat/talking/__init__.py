"""Everything of the chat that imports pydantic-ai. Loaded in a thread by the first free talk of a process."""

import errands.agents.thinking  # noqa: F401 (its banner has no place in a server's output)
