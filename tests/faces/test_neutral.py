"""Text that somebody else wrote cannot command the terminal."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from errands.cli.neutral import neutral, one_line, safe


def _commands(text: str) -> list[str]:
    """Characters that a terminal obeys or that reorder what is read."""
    bidi = {"RLO", "LRO", "RLE", "LRE", "PDF", "RLI", "LRI", "FSI", "PDI"}
    return [
        char
        for char in text
        if (unicodedata.category(char) == "Cc" and char not in "\n\t") or unicodedata.bidirectional(char) in bidi
    ]


@given(st.text(st.characters(codec=None), max_size=200))
def test_no_control_or_direction_character_survives(text: str) -> None:
    assert not _commands(neutral(text))
    assert not {"\n", "\t"} & set(one_line(text))


@given(st.text(st.characters(categories=("L", "N", "P", "Zs"), codec="utf-8")))
def test_ordinary_text_of_any_language_is_left_as_it_is(text: str) -> None:
    assert neutral(text) == text


def test_an_escape_sequence_is_shown_instead_of_obeyed() -> None:
    assert neutral("\x1b[2J\x1b]0;title\x07") == "␛[2J␛]0;title␇"


def test_markup_in_a_text_is_shown_instead_of_obeyed() -> None:
    console = Console(force_terminal=True, width=80, color_system="truecolor")
    with console.capture() as captured:
        console.print(safe("[bold red]not bold[/bold red] [link=https://evil.example]x[/link] :skull:"))
    assert captured.get() == "[bold red]not bold[/bold red] [link=https://evil.example]x[/link] :skull:\n"


def test_a_long_text_on_one_line_ends_in_an_ellipsis() -> None:
    assert one_line("ab\n\n cd" * 100, 10) == "ab cdab c…"
