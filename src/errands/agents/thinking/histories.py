"""What a model has been told and has answered so far, and how it is made ready for a model."""

from dataclasses import dataclass, field

from pydantic_ai.messages import ModelMessage
from pydantic_ai.models import Model, ModelRequestParameters

_ALL = -1
"""In place of a count: something in the history has to be changed for this model, so all of it is gone through."""


@dataclass(slots=True)
class History:
    """The messages of one conversation, which only grow."""

    messages: list[ModelMessage] = field(default_factory=list)
    _as_they_are: dict[str, int] = field(default_factory=dict)
    """By model: how many of the messages it takes as they are."""

    def prepared(self, name: str, model: Model, parameters: ModelRequestParameters) -> list[ModelMessage]:
        """The messages as `model`, called `name`, takes them.

        Mostly that is as they are, and finding that out costs more in a long conversation than all else that a turn
        does. So only what is new is looked at, with the exchange before it, which is as far as pydantic-ai looks
        around a message (see its `Model.prepare_messages`, which gives back the same list where it changes nothing).
        Once it has changed something, it goes through all of them at every turn.
        """
        known = self._as_they_are.get(name, 0)
        if known != _ALL:
            new = self.messages[max(known - 1, 0) :]
            if model.prepare_messages(new, parameters) is new:
                self._as_they_are[name] = len(self.messages)
                return list(self.messages)
            self._as_they_are[name] = _ALL
        return model.prepare_messages(list(self.messages), parameters)
