"""Bodies of webhooks: JSON, forms and text become values; what cannot be kept is refused in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errands.core.payloads import PayloadUnreadable, read_payload
from errands.core.values import Json, to_text

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("kind", "body", "value"),
    [
        ("application/json", b'{"a": [1, 2.5, null]}', {"a": [1, 2.5, None]}),
        ("application/json; charset=utf-8", "\ufeff{}".encode(), {}),
        ("application/vnd.acme+json", b"[]", []),
        (FORM, b"a=1&b=x+y&b=&c=%C3%A9", {"a": "1", "b": ["x y", ""], "c": "é"}),
        (FORM, b"", {}),
        (FORM, b"payload=%7B%22a%22%3A1%7D", {"a": 1}),
        (FORM, b"payload=plain", {"payload": "plain"}),
        ("text/plain", b"Hello, World!", "Hello, World!"),
        ("", b'{"a": 1}', {"a": 1}),
        ("", b"", ""),
    ],
)
def test_a_body_is_read_as_its_type_says(kind: str, body: bytes, value: Json) -> None:
    assert read_payload(kind, body) == value


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        ("application/json", b"{", "not JSON"),
        ("application/json", b"NaN", "not JSON"),
        ("application/json", b'{"a": "\\u0000"}', "NUL"),
        ("application/json", b"[" * 200 + b"]" * 200, "JSON|nested"),
        ("application/json", b"\xff", "not UTF-8"),
        (FORM, b"a", "not a form"),
        (FORM, b"&".join(b"a=1" for _ in range(1001)), "not a form"),
        ("multipart/form-data; boundary=x", b"--x", "not taken"),
    ],
)
def test_what_cannot_be_read_is_refused_without_being_repeated(kind: str, body: bytes, said: str) -> None:
    with pytest.raises(PayloadUnreadable, match=said):
        read_payload(kind, body)


@given(kind=st.sampled_from(["application/json", FORM, "", "text/plain"]), body=st.binary(max_size=200))
def test_any_bytes_become_a_value_that_can_be_kept_or_are_refused(kind: str, body: bytes) -> None:
    try:
        value = read_payload(kind, body)
    except PayloadUnreadable:
        return
    assert "\\u0000" not in to_text(value)
