"""The evaluator: expressions and transforms computed in a sandbox that cannot hurt us.

An evaluation is one source in one fresh session of a worker process (`workers.py`), with limits on time and memory.
Values come out as JSON text made inside the sandbox (`programs.py`), never as objects.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from pydantic_monty import (
    MontyConversionError,
    MontyCrashedError,
    MontyError,
    MontyRuntimeError,
    MontySyntaxError,
)

from errands.core.expressions.gaps import advice
from errands.core.expressions.programs import LARGEST_OUTPUT, UNFIT, Part, Program, build
from errands.core.expressions.syntax import TemplateInvalid
from errands.core.expressions.workers import Feed, Printed, Workers
from errands.core.outcomes import ErrorKind, StepFailed
from errands.core.ports import Evaluation, SandboxLimits
from errands.core.values import Json, from_text

_SHOWN: Final = 80
"""Characters of a source or of an error that a message shows."""


_REPAIR: Final = "<python-input-1>"
"""What Monty calls the second feed of a session."""


class Sandbox:
    """Computes evaluations; an `errands.core.ports.Evaluator`. Its processes start with the first evaluation."""

    def __init__(self, workers: Workers | None = None, *, processes: int | None = None) -> None:
        self.workers = workers or Workers(processes)

    async def __call__(self, evaluation: Evaluation) -> list[Json]:
        """The values, in order. Raises StepFailed (expression, limit or crash) that shows source and position.

        On cancellation the worker process is killed at once.
        """
        if not evaluation.expressions:
            return []
        program = _build(evaluation)
        if evaluation.printed is None:
            return _values(await self._run(program, evaluation), program, evaluation)
        printed = Printed()
        try:
            return _values(await self._run(program, evaluation, printed), program, evaluation)
        finally:
            if text := printed.text:
                evaluation.printed(text)

    async def aclose(self) -> None:
        """Stop what is computed now and end the worker processes."""
        await self.workers.aclose()

    async def _run(self, program: Program, evaluation: Evaluation, printed: Printed | None = None) -> object:
        limits = evaluation.limits
        feed = Feed(
            program.code,
            _inputs(program, evaluation),
            limits.seconds,
            limits.memory_bytes,
            clock=evaluation.now,
            repair=program.repair,
            printed=printed,
        )
        try:
            return await self.workers.feed(feed)
        except MontyError as error:
            raise _failure(error, program, evaluation) from None
        except UnicodeError:
            raise _not_text(program) from None


def _build(evaluation: Evaluation) -> Program:
    try:
        return build(evaluation.expressions, program=evaluation.program, given=frozenset(evaluation.names))
    except TemplateInvalid as error:
        where = f"line {error.line}, column {error.column}"
        raise StepFailed(ErrorKind.EXPRESSION, f"{where}: {error.message}", hint=error.hint) from None


def _inputs(program: Program, evaluation: Evaluation) -> Mapping[str, Json | datetime]:
    inputs: dict[str, Json | datetime] = {"now": evaluation.now}
    if program.uses_clock:
        inputs["_errands_clock"] = evaluation.clock_now or evaluation.now
    for name, value in evaluation.names.items():
        inputs[program.input_name(name)] = value
    return inputs


def _values(text: object, program: Program, evaluation: Evaluation) -> list[Json]:
    if not isinstance(text, str):
        raise StepFailed(ErrorKind.INTERNAL, f"the sandbox gave {type(text).__name__} instead of a text")
    if len(text) > LARGEST_OUTPUT:
        raise StepFailed(
            ErrorKind.LIMIT,
            f"the value of {_shown(program, None)} has more than {LARGEST_OUTPUT // 2**20} MiB as JSON",
            hint="give a smaller value, or write it into a file with a `files.*` tool and pass its path on",
        )
    try:
        values = from_text(text)
    except ValueError as error:
        message = f"the value of {_shown(program, None)} cannot be read back: {error}"
        raise StepFailed(ErrorKind.EXPRESSION, message, hint="give a flatter value, such as a list of rows") from None
    if not isinstance(values, list) or len(values) != len(evaluation.expressions):
        raise StepFailed(ErrorKind.EXPRESSION, f"{_shown(program, None)} interfered with the sandbox and has no value")
    return values


def _failure(error: MontyError, program: Program, evaluation: Evaluation) -> StepFailed:
    """What the sandbox said, in the words of the person who wrote the source."""
    part, position = _place(error, program)
    shown = _shown(program, part, position)
    limit = _limit_crossed(error, shown, evaluation.limits, evaluation.program)
    if limit is not None:
        return limit
    if isinstance(error, MontyCrashedError):
        return StepFailed(ErrorKind.CRASH, f"the sandbox process that computed {shown} ended: {error}")
    if isinstance(error, MontyConversionError):
        return StepFailed(ErrorKind.EXPRESSION, f"a value that {shown} uses is not JSON: {error}")
    reason = str(error)
    if "surrogates not allowed" in reason:
        return _not_text(program)
    if UNFIT in reason:
        return _unfit(reason.split(UNFIT, 1)[1], shown)
    if "not JSON compliant" in reason:
        message = f"the value of {shown} holds NaN or Infinity, which JSON cannot carry"
        return StepFailed(ErrorKind.EXPRESSION, message, hint="test for it, such as x if math.isfinite(x) else None")
    if "Circular reference" in reason:
        return StepFailed(ErrorKind.EXPRESSION, f"the value of {shown} contains itself, which JSON cannot carry")
    return StepFailed(ErrorKind.EXPRESSION, f"{shown} failed: {_cut(reason, 500)}", hint=_advice(error, reason))


def _limit_crossed(error: MontyError, shown: str, limits: SandboxLimits, program: bool) -> StepFailed | None:
    reason = str(error)
    timed_out = isinstance(error, MontyCrashedError) and error.timed_out
    if timed_out or reason.startswith("TimeoutError: feed time limit exceeded"):
        hint = (
            "raise `timeout:` on the step, or work on fewer rows at a time"
            if program
            else "move the work into a `python:` step, which may take longer"
        )
        return StepFailed(ErrorKind.LIMIT, f"{shown} was stopped: it took more than {limits.seconds:g} s", hint=hint)
    if reason.startswith(("MemoryError: memory limit exceeded", "MemoryError: the worker exceeded its memory")):
        size = f"{limits.memory_bytes / 2**20:g} MiB"
        hint = (
            "raise `memory:` under the task's `limits:`, or work on fewer rows at a time"
            if program
            else "move the work into a `python:` step, which may use more memory"
        )
        return StepFailed(ErrorKind.LIMIT, f"{shown} was stopped: it needed more than {size} of memory", hint=hint)
    if reason.startswith("RecursionError"):
        message = f"{shown} was stopped: it calls itself, or its value is nested, more than about 200 levels deep"
        return StepFailed(ErrorKind.LIMIT, message, hint="use a loop instead of recursion, or give a flatter value")
    return None


def _unfit(what: str, shown: str) -> StepFailed:
    hint = "turn it into text, a number, a list or an object, such as str(x) or list(x)"
    if "function" in what or "method" in what:
        hint = "call the function: its name needs brackets after it"
    return StepFailed(ErrorKind.EXPRESSION, f"the value of {shown} holds {what}, which JSON cannot carry", hint=hint)


def _not_text(program: Program) -> StepFailed:
    return StepFailed(
        ErrorKind.EXPRESSION,
        f"a value that {_shown(program, None)} uses holds half of a surrogate pair, which is not valid text",
        hint="clean the text where it comes in, such as text.encode('utf-8', 'replace').decode()",
    )


def _advice(error: MontyError, reason: str) -> str | None:
    if "'NoneType' object" in reason:
        return "a step that was not reached gives None; test it first, such as `x is not None and ...`"
    instead = advice(reason)
    if instead is not None:
        return instead
    if reason.startswith("KeyError"):
        return "use .get(key) where a key may be missing"
    if reason.startswith("IndexError"):
        return "test the length first, such as `rows[0] if rows else None`"
    if reason.startswith(("PermissionError", "ModuleNotFoundError", "NotImplementedError")) or isinstance(
        error, MontySyntaxError
    ):
        return "the sandbox has no files, network or processes and runs a part of Python; use a tool step for the rest"
    return None


def _place(error: MontyError, program: Program) -> tuple[Part | None, tuple[int, int] | None]:
    """Which source failed and where in it: the innermost frame that is the user's own."""
    if not isinstance(error, MontyRuntimeError | MontySyntaxError):
        return None, None
    frames = error.traceback()
    repairing = any(frame.filename == _REPAIR for frame in frames)
    for frame in reversed([] if repairing else frames):
        for part in program.parts:
            if part.first_line <= frame.line <= part.last_line:
                return part, part.position(frame.line, frame.column)
    for frame in frames:
        for part in program.parts:
            if frame.line == (part.repair_line if repairing else part.dump_line):
                return part, None
    return None, None


def _shown(program: Program, part: Part | None, position: tuple[int, int] | None = None) -> str:
    """The source as a message names it."""
    if part is None and len(program.parts) > 1:
        return "one of " + ", ".join(f"`{_cut(one.source)}`" for one in program.parts[:5])
    part = part or program.parts[0]
    if position is None:
        return f"`{_cut(part.source)}`"
    line, column = position
    lines = part.source.split("\n")
    text = lines[line - 1].strip() if len(lines) > 1 and line <= len(lines) else part.source
    return f"`{_cut(text)}` (line {line}, column {column})"


def _cut(text: str, length: int = _SHOWN) -> str:
    flat = " ".join(text[: length * 4].split())
    return flat if len(flat) <= length else flat[: length - 1] + "…"
