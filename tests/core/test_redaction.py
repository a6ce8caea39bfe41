"""Secrets are taken out of texts and values in every form; everything else stays as it is."""

import base64
import html
import json
import time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from errands.core.redaction import Redactor
from errands.core.values import Json

secrets = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=6, max_size=40).filter(
    lambda value: len(value.strip()) >= 6 and len(set(value)) > 3 and value not in "[secret TOKEN]"
)
plain = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=30)


def redactor(**values: str) -> Redactor:
    made = Redactor()
    for name, value in values.items():
        made.add(name, value)
    return made


def forms(value: str) -> list[str]:
    raw = value.encode()
    return [
        value,
        quote(value),
        quote(value, safe=""),
        quote_plus(value),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        json.dumps(json.dumps(value))[3:-3],
        html.escape(value),
        raw.hex(),
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode(),
        base64.b64encode(raw).decode().rstrip("="),
    ]


@given(secrets, plain, plain)
def test_no_form_of_a_secret_survives(value: str, before: str, after: str) -> None:
    known = redactor(TOKEN=value)
    for form in forms(value):
        assume(form not in "[secret TOKEN]")
        redacted = known.text(before + form + after)
        assert form not in redacted
        assert "[secret TOKEN]" in redacted


@given(secrets, st.binary(max_size=5), st.binary(max_size=5))
def test_a_secret_inside_something_base64_encoded_is_found(value: str, before: bytes, after: bytes) -> None:
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        text = encode(before + value.encode() + after).decode()
        assert "[secret TOKEN]" in redactor(TOKEN=value).text(text)


@given(st.lists(st.text("abcdefgh ", max_size=20)), st.text("XYZ0123456789", min_size=6, max_size=20))
def test_what_holds_no_secret_stays_the_very_same(words: list[str], value: str) -> None:
    known = redactor(TOKEN=value)
    document: Json = {"words": words, "n": [1, 2.5, None, True]}
    assert known.json(document) is document
    assert known.text(" ".join(words)) == " ".join(words)


@given(secrets)
def test_strings_and_keys_of_a_value_are_redacted(value: str) -> None:
    known = redactor(TOKEN=value)
    assert known.json({"a": [value, 1], value: {"b": f"<{value}>"}}) == {
        "a": ["[secret TOKEN]", 1],
        "[secret TOKEN]": {"b": known.text(f"<{value}>")},
    }


def test_nothing_is_touched_before_a_secret_is_known() -> None:
    assert not Redactor().active
    assert Redactor().text("anything") == "anything"
    assert not redactor(EMPTY="").active


def test_a_secret_is_replaced_by_its_name() -> None:
    known = redactor(TOKEN="s3cr3t-token")
    assert known.active
    assert known.text("a s3cr3t-token b") == "a [secret TOKEN] b"
    known.add("LATER", "an0ther-one")
    assert known.text("s3cr3t-token an0ther-one") == "[secret TOKEN] [secret LATER]"


def test_each_line_of_a_key_is_a_secret() -> None:
    lines = ["-----BEGIN PRIVATE KEY-----", "MIIEvQIBADANBgkq", "hkiG9w0BAQEFAASC", "-----END PRIVATE KEY-----"]
    known = redactor(KEY="\n".join(lines) + "\n")
    assert known.text("\n".join(lines)) == "[secret KEY]"
    assert known.text("x MIIEvQIBADANBgkq y") == "x [secret KEY] y"
    assert known.text("  hkiG9w0BAQEFAASC\r\n") == "  [secret KEY]\r\n"
    assert known.text(json.dumps({"key": "\n".join(lines)})) == '{"key": "[secret KEY]"}'
    assert known.text("-----BEGIN PRIVATE KEY-----") == "-----BEGIN PRIVATE KEY-----"


def test_the_password_of_a_url_is_a_secret_of_its_own() -> None:
    known = redactor(DB="postgres://ana:p%40ss-word@db.example/sales")
    assert known.text("cannot reach ana:p%40ss-word@db.example") == "cannot reach [secret DB]@db.example"
    assert known.text("password p%40ss-word is wrong") == "password [secret DB] is wrong"
    assert known.text("password p@ss-word is wrong") == "password [secret DB] is wrong"
    assert known.text("host db.example, user ana") == "host db.example, user ana"


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("abc", "[secret PIN]"),
        ("pin=abc&x=1", "pin=[secret PIN]&x=1"),
        ('{"pin": "abc"}', '{"pin": "[secret PIN]"}'),
        ('{\\"pin\\": \\"abc\\"}', '{\\"pin\\": \\"[secret PIN]\\"}'),
        ("pin: abc", "pin: [secret PIN]"),
        ("the abc of it", "the abc of it"),
        ("pin=abcd", "pin=abcd"),
        ('{"abc": "x"}', '{"abc": "x"}'),
    ],
)
def test_a_short_secret_is_replaced_only_where_it_is_a_whole_field(text: str, redacted: str) -> None:
    assert redactor(PIN="abc").text(text) == redacted


def test_a_secret_that_contains_another_is_replaced_whole() -> None:
    known = redactor(PART="s3cr3t", WHOLE="my-s3cr3t-token")
    assert known.text("my-s3cr3t-token and s3cr3t") == "[secret WHOLE] and [secret PART]"


def test_a_number_is_redacted_only_if_it_is_the_secret() -> None:
    known = redactor(PIN="12345678")
    assert known.json([12345678, 123456789, 1712345678.5]) == ["[secret PIN]", 123456789, 1712345678.5]


def test_a_large_text_takes_time_in_proportion_to_its_length() -> None:
    known = redactor(**{f"S{index}": f"token-{index:04}-{'xyz' * index}" for index in range(20)})
    text = 'The quick brown fox {"a": 12, "b": "token-00"} and QUJDREVGR0g= and %20\n' * 1000
    known.text(text)

    def seconds(copies: int) -> float:
        began = time.process_time()
        known.text(text * copies)
        return time.process_time() - began

    assert min(seconds(8) for _ in range(3)) < 24 * max(min(seconds(1) for _ in range(3)), 0.001)
