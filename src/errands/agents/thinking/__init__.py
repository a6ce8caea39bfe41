"""Everything that imports pydantic-ai. Loaded in a thread when the first agent of a process works."""

import pydantic_ai

# Its banner for first runs has no place in a worker's output.
pydantic_ai.BANNER_ENABLED = False
