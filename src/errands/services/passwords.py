"""Passwords: what is a good one, and Argon2id in a thread, a few at a time, so that nobody holds up the loop."""

import asyncio
import secrets
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from errands.services.errors import Invalid, TooMany

if TYPE_CHECKING:
    from pwdlib.hashers.argon2 import Argon2Hasher

SHORTEST, LONGEST = 12, 256
Given = ParamSpec("Given")
Result = TypeVar("Result")

_AT_ONCE = 2
_MOST_WAITING = 64


@dataclass(frozen=True, slots=True)
class Verified:
    """Whether the password fits."""

    fits: bool
    renewed: str | None = None
    """A hash with today's costs, to be kept instead."""


class Passwords:
    """Hashes and compares. One hash takes about 0.2 s and 64 MiB."""

    def __init__(self, hasher: "Argon2Hasher | None" = None) -> None:
        self._given = hasher
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0
        self._stranger: str | None = None

    async def hash(self, password: str) -> str:
        """What to keep of a password. Raises TooMany."""
        return await self._in_turn(_hash, self._hasher(), normal(password))

    async def verify(self, password: str, kept: str | None) -> Verified:
        """Compare. Without anything kept it takes the same time: strangers do not learn which accounts there are.

        Raises TooMany while more people wait for their turn than a minute would serve.
        """
        if len(password) > LONGEST:
            password = ""
        if kept is None:
            if self._stranger is None:
                self._stranger = await self._in_turn(_hash, self._hasher(), secrets.token_urlsafe())
            await self._in_turn(_verify, self._hasher(), normal(password), self._stranger)
            return Verified(False)
        return await self._in_turn(_verify, self._hasher(), normal(password), kept)

    def _hasher(self) -> "Argon2Hasher":
        from pwdlib.hashers.argon2 import Argon2Hasher

        if self._given is None:
            self._given = Argon2Hasher()
        return self._given

    async def _in_turn(self, work: Callable[Given, Result], *given: Given.args, **named: Given.kwargs) -> Result:
        if self._waiting >= _MOST_WAITING:
            raise TooMany("Too many people sign in at this moment.", 60)
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(work, *given, **named)
        finally:
            self._waiting -= 1


def _hash(hasher: "Argon2Hasher", password: str) -> str:
    return hasher.hash(password)


def _verify(hasher: "Argon2Hasher", password: str, kept: str) -> Verified:
    if not hasher.verify(password, kept):
        return Verified(False)
    return Verified(True, hasher.hash(password) if hasher.check_needs_rehash(kept) else None)


def check(password: str, name: str) -> None:
    """Raises Invalid for a password that is too short, too long, or too easily guessed."""
    text = normal(password)
    if not SHORTEST <= len(text) <= LONGEST:
        raise Invalid(
            f"The password has a length of {len(text)}.", f"Choose one of {SHORTEST} to {LONGEST}; a few words do well."
        )
    if len(set(text)) < 5 or text.casefold() in (name * LONGEST)[: len(text)].casefold():
        raise Invalid(
            "The password is too easily guessed.", "Choose one that does not repeat a few letters or the name."
        )


def normal(password: str) -> str:
    """The same password, however a keyboard composes its letters (NIST SP 800-63B, 5.1.1.2)."""
    return unicodedata.normalize("NFKC", password)
