"""Who thinks: agents, the models behind them, and the record of every model request and tool call.

Nothing here imports pydantic-ai; the room `thinking` does, and it is loaded when the first agent works.
"""

from errands.agents.embedded import EmbeddedModel, EmbeddedSettings
from errands.agents.models import Models
from errands.agents.ports import Directory, ToolBox
from errands.agents.scripted import Answer, Call, Calls, Fail, Say, Script, scripted
from errands.agents.workers import Agents

__all__ = [
    "Agents",
    "Answer",
    "Call",
    "Calls",
    "Directory",
    "EmbeddedModel",
    "EmbeddedSettings",
    "Fail",
    "Models",
    "Say",
    "Script",
    "ToolBox",
    "scripted",
]
