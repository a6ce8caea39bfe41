"""Puts the services of the chat together."""

from dataclasses import dataclass
from pathlib import Path

from errands.services.answers import AnswerService
from errands.services.attachments import AttachmentService, Read
from errands.services.authority import Authority
from errands.services.cards import CardService, Doers
from errands.services.threads import ThreadService
from errands.store.artifacts import ArtifactStore
from errands.store.database import Database

__all__ = ["Conversing", "Doers", "Keeping", "make_conversing"]


@dataclass(frozen=True, slots=True)
class Conversing:
    """Everything about threads."""

    threads: ThreadService
    answers: AnswerService
    cards: CardService
    attachments: AttachmentService


@dataclass(frozen=True, slots=True)
class Keeping:
    """Where files of threads are kept, and how they are read."""

    artifacts: ArtifactStore
    read: Read
    """Turns documents into text."""
    folders: Path
    """In it each thread has a folder that its tools work in."""


def make_conversing(database: Database, authority: Authority, keep: Keeping, doers: Doers) -> Conversing:
    """`doers` do what cards show."""
    return Conversing(
        threads=ThreadService(database, authority, keep.artifacts, keep.folders),
        answers=AnswerService(database, authority),
        cards=CardService(database, authority, doers),
        attachments=AttachmentService(database, authority, keep.artifacts, keep.read),
    )
