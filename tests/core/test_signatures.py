"""Signatures of webhooks: the vendors' own examples hold, everything else does not, and nothing raises."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errands.core.definition.triggers import Signature
from errands.core.signatures import OWN_HEADERS, is_token, verify

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
# docs.github.com, "Validating webhook deliveries", "Testing the webhook payload validation"
GITHUB_SECRET, GITHUB_BODY = "It's a Secret to Everybody", b"Hello, World!"
GITHUB_HEADER = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
# docs.slack.dev, "Verifying requests from Slack"
SLACK_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
SLACK_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
SLACK_HEADERS = {
    "x-slack-request-timestamp": "1531420618",
    "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
}
Style = Literal["github", "stripe", "slack", "generic"]


def sign(secret: str, content: bytes) -> str:
    return hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()


def style(name: Style, **more: object) -> Signature:
    return Signature.model_validate({"style": name, "secret": "secret:S", **more})


def headers_of(name: Style, secret: str, body: bytes, at: datetime = NOW) -> dict[str, str]:
    """What a genuine sender of this style sends."""
    stamp = int(at.timestamp())
    match name:
        case "github":
            return {"x-hub-signature-256": f"sha256={sign(secret, body)}"}
        case "stripe":
            return {"stripe-signature": f"t={stamp},v1={sign(secret, b'%d.%b' % (stamp, body))},v0={'0' * 64}"}
        case "slack":
            signed = sign(secret, b"v0:%d:%b" % (stamp, body))
            return {"x-slack-request-timestamp": str(stamp), "x-slack-signature": f"v0={signed}"}
        case "generic":
            return {"x-signature": sign(secret, body)}


def test_githubs_documented_example_is_genuine() -> None:
    wanted = style("github")
    assert verify(wanted, GITHUB_SECRET, {"x-hub-signature-256": GITHUB_HEADER}, GITHUB_BODY, NOW) == "genuine"
    assert verify(wanted, GITHUB_SECRET, {"x-hub-signature-256": GITHUB_HEADER}, b"Hello, World?", NOW) == "forged"
    assert verify(wanted, "another", {"x-hub-signature-256": GITHUB_HEADER}, GITHUB_BODY, NOW) == "forged"


def test_slacks_documented_example_is_genuine_in_its_time_and_late_after_it() -> None:
    then = datetime.fromtimestamp(1531420618, UTC)
    assert verify(style("slack"), SLACK_SECRET, SLACK_HEADERS, SLACK_BODY, then) == "genuine"
    late = then + timedelta(minutes=5, seconds=1)
    assert verify(style("slack"), SLACK_SECRET, SLACK_HEADERS, SLACK_BODY, late) == "late"
    moved = {**SLACK_HEADERS, "x-slack-request-timestamp": str(1531420618 + 301)}
    assert verify(style("slack"), SLACK_SECRET, moved, SLACK_BODY, late) == "forged"


def test_stripe_takes_any_of_several_signatures_while_a_secret_is_replaced() -> None:
    body, stamp = b'{"id": "evt_1"}', int(NOW.timestamp())
    good = sign("whsec_new", b"%d.%b" % (stamp, body))
    header = {"stripe-signature": f"t={stamp},v1={'0' * 64},v1={good}"}
    assert verify(style("stripe"), "whsec_new", header, body, NOW) == "genuine"
    assert verify(style("stripe"), "whsec_new", header, body, NOW + timedelta(minutes=6)) == "late"
    assert verify(style("stripe"), "whsec_new", header, body, NOW - timedelta(minutes=6)) == "late"
    assert verify(style("stripe", tolerance="10m"), "whsec_new", header, body, NOW + timedelta(minutes=6)) == "genuine"
    two = {"stripe-signature": f"t={stamp},t={stamp + 600},v1={good}"}
    assert verify(style("stripe"), "whsec_new", two, body, NOW) == "malformed"


def test_a_generic_sender_names_its_header_prefix_encoding_and_time_stamp() -> None:
    body, stamp = b"{}", int(NOW.timestamp())
    digest = hmac.new(b"key", b"%d.%b" % (stamp, body), hashlib.sha256).digest()
    wanted = style("generic", header="X-Acme-Sign", prefix="v1 ", encoding="base64", timestamp="X-Acme-Time")
    headers = {"x-acme-sign": f"v1 {base64.b64encode(digest).decode()}", "x-acme-time": str(stamp)}
    assert verify(wanted, "key", headers, body, NOW) == "genuine"
    assert verify(wanted, "key", headers, body, NOW + timedelta(hours=1)) == "late"
    assert verify(wanted, "key", {**headers, "x-acme-time": f"0{stamp}"}, body, NOW) == "malformed"
    assert verify(wanted, "key", {"x-acme-sign": headers["x-acme-sign"]}, body, NOW) == "malformed"


@pytest.mark.parametrize("name", ["github", "stripe", "slack", "generic"])
def test_a_missing_header_and_one_changed_letter_are_refused_in_every_style(name: Style) -> None:
    headers = headers_of(name, "key", b"{}")
    assert verify(style(name), "key", headers, b"{}", NOW) == "genuine"
    assert verify(style(name), "key", {}, b"{}", NOW) == "missing"
    assert verify(style(name), "key", headers, b"{ }", NOW) == "forged"
    assert verify(style(name), "kez", headers, b"{}", NOW) == "forged"
    other = {key: value.replace("a", "b").replace("1", "2") for key, value in headers.items()}
    assert verify(style(name), "key", other, b"{}", NOW) in ("malformed", "forged")


def test_a_bearer_token_is_the_very_secret() -> None:
    assert is_token("s3cret", {"authorization": "Bearer s3cret"}) == "genuine"
    assert is_token("s3cret", {"authorization": "bearer s3cret"}) == "genuine"
    assert is_token("s3cret", {"authorization": "Bearer s3cre"}) == "forged"
    assert is_token("s3cret", {"authorization": "Basic s3cret"}) == "malformed"
    assert is_token("s3cret", {}) == "missing"


_PARTS = st.sampled_from(["sha256=", "v0=", "v1=", "t=", ",", "=", "0" * 64, "ff" * 32, "1531420618", "-1", "९" * 5])
_HEADERS = st.one_of(st.text(max_size=300), st.lists(_PARTS, max_size=60).map("".join))


@given(name=st.sampled_from(sorted(OWN_HEADERS)), said=_HEADERS, stamp=_HEADERS, body=st.binary(max_size=50))
def test_no_header_raises_or_passes_whatever_it_holds(name: Style, said: str, stamp: str, body: bytes) -> None:
    headers = {OWN_HEADERS[name]: said, "x-slack-request-timestamp": stamp, "x-time": stamp, "authorization": said}
    wanted = [style(name), style("generic", header=OWN_HEADERS[name], timestamp="X-Time", encoding="base64")]
    for one in wanted:
        assert verify(one, "key", headers, body, NOW) in ("missing", "malformed", "forged")
    assert is_token("key", headers) in ("missing", "malformed", "forged")
