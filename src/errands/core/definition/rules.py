"""The rules that a file is checked against: the stable name of each, what it means and what to do.

Every finding names one of them (`Problem.code`), and docs/reference/errors.md is made from this table.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

RuleCode = Literal[
    "alarm-in-vain",
    "alias",
    "bad-argument",
    "bad-choice",
    "bad-default",
    "bad-expression",
    "bad-id",
    "bad-name",
    "bad-schedule",
    "bad-schema",
    "bad-template",
    "bad-value",
    "declared-twice",
    "duplicate-id",
    "duplicate-key",
    "empty",
    "grant-missing",
    "grant-unused",
    "invalid",
    "many-documents",
    "missing-argument",
    "missing-key",
    "never-fires",
    "no-kind",
    "not-yet",
    "open-webhook",
    "out-of-range",
    "out-of-scope",
    "param-cycle",
    "shadows-name",
    "syntax",
    "tag",
    "task-cycle",
    "too-deep",
    "too-large",
    "too-many-steps",
    "two-kinds",
    "type",
    "unknown-agent",
    "unknown-argument",
    "unknown-channel",
    "unknown-key",
    "unknown-model",
    "unknown-name",
    "unknown-param",
    "unknown-secret",
    "unknown-step",
    "unknown-task",
    "unknown-tool",
    "unquoted-template",
    "wrong-type",
]


class Rule(NamedTuple):
    """What a rule says to the author of a file. Markdown, each a sentence or two."""

    means: str
    do: str


RULES: Mapping[RuleCode, Rule] = MappingProxyType(
    {
        "alarm-in-vain": Rule(
            "An alarm looks for what this task cannot do, such as `late` without a trigger. A warning.",
            "Remove it, or add what it looks at.",
        ),
        "alias": Rule(
            "A YAML alias (`*name`) names no anchor above it, or contains itself.",
            "Write `&name` at a value that is complete before the alias.",
        ),
        "bad-argument": Rule(
            "An argument under `with:` does not fit the schema of its tool or sub-task.",
            "Compare it with the tool's page (`errands tools`) or with the sub-task's params.",
        ),
        "bad-choice": Rule("A value is none of those that can stand here.", "Choose one that the message lists."),
        "bad-default": Rule(
            "A param's default does not fit the param's own schema.", "Change the default or the schema."
        ),
        "bad-expression": Rule(
            "An expression is not Python that the sandbox takes.", "Mend it where line and column point."
        ),
        "bad-id": Rule(
            "An id cannot be read by an expression, or is no name for a trigger.",
            "Use lower-case letters, digits and `_`, beginning with a letter.",
        ),
        "bad-name": Rule(
            "A name has signs that it may not have, or is one that is taken by the format, such as a case `default`.",
            "Use lower-case letters, digits and hyphens, at most 100.",
        ),
        "bad-schedule": Rule(
            "A schedule cannot be read, or contradicts itself.",
            "`errands schedule preview --spec` shows what a schedule means.",
        ),
        "bad-schema": Rule("What should be a JSON Schema is none.", "Mend it at the path that the message names."),
        "bad-template": Rule(
            "What stands in `{{ }}` is not an expression that the sandbox takes.",
            "Mend it where line and column point.",
        ),
        "bad-value": Rule("A value cannot stand here, for the reason that the message gives.", "Follow the hint."),
        "declared-twice": Rule(
            "Two of the files that were given together declare the same task, agent or model.", "Give one of them."
        ),
        "duplicate-id": Rule(
            "Two steps, triggers or tests of the file have the same name.", "Rename one; the message names the line."
        ),
        "duplicate-key": Rule("A key stands twice in the same mapping.", "Remove one."),
        "empty": Rule("The file is empty.", "Begin it with `task: name`."),
        "grant-missing": Rule(
            "A step uses a tool, secret, host or folder that the task was not granted, or a call lies outside the "
            "bounds of its grant.",
            "Add it under `grants:`. After some runs, `errands grants suggest TASK` proposes the narrowest ones.",
        ),
        "grant-unused": Rule(
            "The task is granted what none of its steps can need. A warning.", "Remove the grant, or use it."
        ),
        "invalid": Rule("A finding of no rule of its own.", "Follow the hint."),
        "many-documents": Rule("The file holds a second document, after `---`.", "Put it into a file of its own."),
        "missing-argument": Rule("A tool or sub-task needs an argument that is not given.", "Add it under `with:`."),
        "missing-key": Rule("A key is missing, or stands there without a value.", "Add it."),
        "never-fires": Rule(
            "A schedule has no planned time any more: its end has passed, or nothing fits.",
            "`errands schedule preview --spec` shows the next times.",
        ),
        "no-kind": Rule(
            "Nothing says what a step does, what a trigger waits for, or where a param's value comes from.",
            "Add one of the keys that the hint lists.",
        ),
        "not-yet": Rule(
            "An expression reads the output of a step that has not run by then, or its own.",
            "Move one of the two steps.",
        ),
        "open-webhook": Rule(
            "A webhook asks for no proof, so anybody could start runs.",
            "Add `signature:` or `token:`, with a secret.",
        ),
        "out-of-range": Rule("A number is larger or smaller than it may be.", "Stay within the bound that is named."),
        "out-of-scope": Rule(
            "An expression reads what exists only inside a loop, a handler or another branch.",
            "Use it there, or what the step around it gives.",
        ),
        "param-cycle": Rule("Params draw their values from one another in a circle.", "Let one of them have none."),
        "shadows-name": Rule(
            "A step, param or loop variable has a name that means something else already.", "Choose another name."
        ),
        "syntax": Rule("The file cannot be read as YAML 1.2.", "Mend it where line and column point."),
        "tag": Rule("The file has a YAML tag (`!something`), and tags are not read.", "Remove it."),
        "task-cycle": Rule(
            "A task starts itself, by its sub-tasks or by an event of its own.", "Break the circle that is named."
        ),
        "too-deep": Rule("Steps or values are nested too deeply.", "Move the inner ones into a task of their own."),
        "too-large": Rule("The file, or what its aliases unfold to, is too large.", "Split it into several tasks."),
        "too-many-steps": Rule("The task has more steps than a task may have.", "Split it with sub-tasks (`run:`)."),
        "two-kinds": Rule(
            "One step does two things, one trigger waits for two, or a param has `default` and `from`.",
            "Make two of it, or remove one key.",
        ),
        "type": Rule(
            "An expression cannot work with the types that the schemas promise: a misspelled key of an output, a sum "
            "of text and number, a value that may be `None`.",
            "Mend it, or widen the `output:` schema that is wrong.",
        ),
        "unknown-agent": Rule("There is no agent of this name.", "Declare it in a file that begins with `agent:`."),
        "unknown-argument": Rule("A tool or sub-task has no argument of this name.", "Take the name that is proposed."),
        "unknown-channel": Rule(
            "An alarm names a channel that the project does not have. A warning.", "`errands channels list` lists them."
        ),
        "unknown-key": Rule("A key means nothing where it stands.", "Take the name that is proposed, or remove it."),
        "unknown-model": Rule(
            "There is no model of this name that the project may use.",
            "Declare it in a file that begins with `model:`; `errands models list` shows what there is.",
        ),
        "unknown-name": Rule(
            "An expression reads a name that nothing has.", "Take the name that is proposed, or declare a param."
        ),
        "unknown-param": Rule("Arguments name a param that the task does not have.", "Take the name that is proposed."),
        "unknown-secret": Rule("There is no secret of this name.", "`errands secrets set NAME`."),
        "unknown-step": Rule("A test names a step that the task does not have.", "Use the id of a step."),
        "unknown-task": Rule("There is no task of this name.", "Apply its file as well, or mend the name."),
        "unknown-tool": Rule(
            "There is no tool of this name. For a glob it is only a warning: its server may be away. Tools of tool "
            "servers are known to the project alone: `errands validate` passes them over, `errands apply` checks them.",
            "`errands tools` lists them.",
        ),
        "unquoted-template": Rule("YAML takes `{{ }}` for a mapping.", "Put the whole text into quotes."),
        "wrong-type": Rule("A value has another type than its key takes.", "Follow the hint; often it wants quotes."),
    }
)


def rule_named(code: str) -> RuleCode:
    """The rule of this name; `invalid` for one that this release does not know."""
    return next((known for known in RULES if known == code), "invalid")
