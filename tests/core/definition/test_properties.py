"""A thousand bad files give problems, never an exception; and a good definition survives storage."""

import asyncio
import random
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from errands.core.catalog import Surroundings
from errands.core.definition.checks import check_file
from errands.core.definition.emitting import emit_lines
from errands.core.definition.parsing import parse_task
from errands.core.definition.reading_steps import STEP_CLASSES, own_keys
from errands.core.definition.task import TaskDefinition
from errands.core.values import Json

EXAMPLE = Path(__file__).with_name("example.yaml").read_text(encoding="utf-8")
WORDS = sorted({word for word in EXAMPLE.replace("{", " ").replace("}", " ").split() if word})
SIGNS = [*list("{}[]:,-|>'\"#&*!%@\t\n \\?~0e."), "{{", "}}", "\u2028", chr(0xD83D), "é", "\x07"]
ALL_KEYS = sorted({key for kind in STEP_CLASSES for key in own_keys(kind)} | {"steps", "params", "grants", "cases"})


def check(source: str, around: Surroundings) -> None:
    """Every problem is complete, and a definition exists exactly if nothing is an error."""
    checked = asyncio.run(check_file(source, around))
    for problem in checked.problems:
        assert problem.message
        assert problem.code
        assert problem.line >= 1
        assert problem.column >= 1
        assert problem.line <= source.count("\n") + source.count("\r") + 2
    errors = [problem for problem in checked.problems if problem.severity == "error"]
    assert (checked.definition is None) == bool(errors)


def mutated(rng: random.Random) -> str:
    """The example with a few pieces of its text cut out, doubled, swapped or replaced."""
    text = EXAMPLE
    for _ in range(rng.randint(1, 4)):
        start = rng.randrange(len(text))
        end = min(len(text), start + rng.choice((1, 1, 2, 8, 40)))
        piece = rng.choice(("", text[start:end] * 2, rng.choice(SIGNS), rng.choice(WORDS), rng.choice(ALL_KEYS) + ": "))
        text = text[:start] + piece + text[end:]
    return text


def test_mutations_of_the_example_give_problems_and_never_raise(around: Surroundings) -> None:
    rng = random.Random(20260301)
    for _ in range(500):
        check(mutated(rng), around)


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.sampled_from(WORDS), st.text(max_size=8), st.floats(0, 5),
    st.sampled_from(["{{ a }}", "{{", "a +", "2h", "secret:X", "tool", "9" * 400 + "d", "1" * 5000]),
)  # fmt: skip
keys = st.one_of(st.sampled_from(ALL_KEYS), st.text(min_size=1, max_size=4))
trees = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=5)),
    max_leaves=25,
)
steps = st.lists(
    st.one_of(
        trees,
        st.sampled_from(list(STEP_CLASSES)).flatmap(lambda kind: st.fixed_dictionaries({kind: trees, "id": scalars})),
    ),
    max_size=4,
)
sections = st.sampled_from(["params", "grants", "limits", "budget", "triggers", "tests", "on_error", "output", "keep"])


@given(steps=steps, rest=st.dictionaries(sections, trees, max_size=3))
@settings(max_examples=200, deadline=None)
def test_a_definition_of_the_right_outline_and_any_content_never_raises(
    steps: list[Json], rest: dict[str, Json]
) -> None:
    value: Json = {"task": "t", "description": "d", "steps": steps, **rest}
    check("\n".join(emit_lines(value, 0)) + "\n", Surroundings(tools={}))


@given(st.text(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_text_at_all_gives_problems(source: str) -> None:
    check(source, Surroundings(tools={}))


durations = st.sampled_from(["1ms", "90s", "1h30m", "2d", "1w"])
names = st.lists(st.from_regex(r"[a-z]{2}[a-z0-9_]{0,6}", fullmatch=True), unique=True, min_size=1, max_size=4)
good_steps = st.one_of(
    st.fixed_dictionaries(
        {"tool": st.just("log"), "with": st.dictionaries(st.text(max_size=4), scalars, max_size=2)},
        optional={
            "timeout": durations,
            "retry": st.fixed_dictionaries({"attempts": st.integers(1, 9), "max": durations}),
        },
    ),
    st.fixed_dictionaries(
        {"python": st.sampled_from(["1", "a = 2\na"])}, optional={"cache": st.fixed_dictionaries({"ttl": durations})}
    ),
    st.fixed_dictionaries({"wait": durations}),
    st.fixed_dictionaries(
        {"approve": st.fixed_dictionaries({"question": st.text(min_size=1)}, optional={"remind": durations})}
    ),
    st.fixed_dictionaries({"finish": st.fixed_dictionaries({"output": scalars})}),
)


@given(names, st.lists(good_steps, min_size=1, max_size=4), st.one_of(st.none(), durations))
@settings(max_examples=100, deadline=None)
def test_a_definition_survives_its_stored_form(params: list[str], steps: list[Json], timeout: str | None) -> None:
    value: Json = {
        "task": "t", "description": "d", "params": {name: {"type": "string", "default": name} for name in params},
        "steps": steps, "limits": {"timeout": timeout, "memory": "64MiB"} if timeout else {}, "budget": {"usd": 0.1},
    }  # fmt: skip
    parsed = parse_task("\n".join(emit_lines(value, 0)) + "\n")
    assert parsed.problems == []
    assert parsed.definition is not None
    assert TaskDefinition.model_validate_json(parsed.definition.model_dump_json()) == parsed.definition
    assert TaskDefinition.model_validate(parsed.definition.model_dump(mode="json")) == parsed.definition
