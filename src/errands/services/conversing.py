"""Puts the services of the chat together."""

from dataclasses import dataclass
from pathlib import Path

from errands.services.answers import AnswerService
from errands.services.approvals import ApprovalService
from errands.services.attachments import AttachmentService, Read
from errands.services.authority import Authority
from errands.services.cards import CardService
from errands.services.runs import RunService
from errands.services.tasks import TaskService
from errands.services.threads import ThreadService
from errands.store.artifacts import ArtifactStore
from errands.store.database import Database


@dataclass(frozen=True, slots=True)
class Conversing:
    """Everything about threads."""

    threads: ThreadService
    answers: AnswerService
    cards: CardService
    attachments: AttachmentService


def make_conversing(
    database: Database,
    authority: Authority,
    artifacts: ArtifactStore,
    read: Read,
    folders: Path,
    *,
    tasks: TaskService,
    runs: RunService,
    approvals: ApprovalService,
) -> Conversing:
    """`read` turns documents into text; in `folders` each thread has one that its tools work in."""
    return Conversing(
        threads=ThreadService(database, authority, artifacts, folders),
        answers=AnswerService(database, authority),
        cards=CardService(database, authority, tasks, runs, approvals),
        attachments=AttachmentService(database, authority, artifacts, read),
    )
