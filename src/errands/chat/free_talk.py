"""Free talk: finds who answers, and lets a model answer. What asks it is loaded by the first talk."""

from pathlib import Path

from errands.agents.ports import ToolBox
from errands.agents.talks import Talks
from errands.chat.ports import Outcome, Talk
from errands.chat.stream import Stream
from errands.core.outcomes import ErrorKind, StepFailed
from errands.core.ports import Vault


class FreeTalk:
    """The chat's `Talker`."""

    def __init__(self, talks: Talks, vault: Vault, tools: ToolBox, folders: Path) -> None:
        """`folders`: where threads have the folder that their tools work in."""
        self._talks = talks
        self._vault = vault
        self._tools = tools
        self._folders = folders

    async def talk(self, talk: Talk, stream: Stream, outcome: Outcome) -> None:
        """Write the answer to the stream. Raises StepFailed where no model can."""
        raise StepFailed(ErrorKind.NOT_FOUND, "free talk is not there yet", hint="/help lists the commands")
