"""Mails are read without trust: one sender or none, harmless texts, and origins that only a trusted server can tell."""

from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errands.core.html_text import text_of_html
from errands.core.mail_origin import Origin, origin_of
from errands.core.mails import MailUnreadable, is_allowed, read_mail
from errands.core.values import to_text

HEAD = b"From: ana@example.com\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <1@example.com>\r\n"


def test_html_alone_becomes_the_text_that_a_person_reads() -> None:
    mail = read_mail(
        HEAD + b"Content-Type: text/html; charset=utf-8\r\n\r\n<p>a&amp;b</p><ul><li>c</ul>", most_attachments=9
    )
    assert (mail.subject, mail.text) == ("Grüße", "a&b\n\n- c")
    assert mail.html is not None


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<style>p{}</style><h1>Hi</h1><script>x</script>there", "Hi\nthere"),
        ('<a href="https://example.com/a">more</a> <a href="javascript:x">no</a>', "more (https://example.com/a) no"),
        ("a<br>b\n   c<!-- x -->", "a\nb c"),
        ("<p>one<p>two", "one\ntwo"),
    ],
)
def test_html_is_read_as_text(html: str, text: str) -> None:
    assert text_of_html(html) == text


@pytest.mark.parametrize(
    "sender",
    [
        b"",
        b"From: a@example.com, b@example.com\r\n",
        b"From: a@example.com\r\nFrom: b@example.com\r\n",
        b"From: nobody\r\n",
        b"From: =?utf-8?q?ana=40example.com?=\r\n",
        b"From: group: a@example.com;\r\n",
    ],
)
def test_a_mail_without_exactly_one_sender_is_not_taken(sender: bytes) -> None:
    try:
        mail = read_mail(sender + b"Subject: x\r\n\r\nhello", most_attachments=9)
    except MailUnreadable:
        return
    assert mail.sender == "a@example.com"
    assert b"group" in sender


def test_a_mail_within_a_mail_and_parts_without_a_name_are_files() -> None:
    inner = EmailMessage()
    inner["From"], inner["Subject"] = "bob@example.com", "inner"
    inner.set_content("inside")
    outer = EmailMessage()
    outer["From"] = "ana@example.com"
    outer.set_content("outside")
    outer.add_attachment(inner)
    outer.add_attachment(b"%PDF", maintype="application", subtype="pdf")
    mail = read_mail(outer.as_bytes(policy=SMTP), most_attachments=9)
    assert mail.text == "outside\n"
    assert [(one.name, one.media_type) for one in mail.attachments] == [
        ("message.eml", "message/rfc822"),
        ("", "application/pdf"),
    ]
    assert b"Subject: inner" in mail.attachments[0].content


def test_parts_that_are_nested_without_end_are_refused() -> None:
    parts = b"".join(b"--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n" % (n, n + 1) for n in range(200))
    head = HEAD + b"Content-Type: multipart/mixed; boundary=b0\r\n\r\n"
    with pytest.raises(MailUnreadable, match="nested"):
        read_mail(head + parts, most_attachments=9)


@given(
    raw=st.binary(max_size=400),
    prefix=st.sampled_from([b"", HEAD, HEAD + b"Content-Type: multipart/mixed; boundary=x\r\n"]),
)
def test_no_bytes_break_the_reader_or_bring_in_what_cannot_be_kept(raw: bytes, prefix: bytes) -> None:
    try:
        mail = read_mail(prefix + raw, most_attachments=3)
    except MailUnreadable:
        return
    said = [
        mail.sender,
        mail.subject,
        mail.text,
        mail.html,
        mail.message_id,
        *mail.to,
        *(a.name for a in mail.attachments),
    ]
    assert "\\u0000" not in to_text(said)


def test_allowed_senders_are_addresses_or_domains() -> None:
    patterns = ["ana@example.com", "*@sales.example.com", "example.org", "bob+*@example.net"]
    for good in ("Ana@Example.com", "x@sales.example.com", "x@example.org", "bob+7@example.net"):
        assert is_allowed(good, patterns), good
    for bad in ("eve@example.com", "x@sub.example.org", "x@evilexample.org", "bob@example.net", "ana@example.com.evil"):
        assert not is_allowed(bad, patterns), bad
    assert is_allowed("anybody@example.com", [])


@pytest.mark.parametrize(
    ("header", "verified"),
    [
        ("mx.example; spf=pass smtp.mailfrom=ana@example.com", True),
        ("mx.example 1; dkim=pass (2048 bit) header.d=example.com", True),
        ("mx.example; dkim=pass header.i=@example.com", True),
        ("mx.example; dmarc=pass header.from=mail.example.com", True),
        ("mx.example; dkim=pass header.d=com", False),
        ("mx.example; dkim=pass header.d=ample.com", False),
        ("mx.example; dkim=pass header.d=other.example.com", False),
        ("mx.example; dkim=fail header.d=example.com; spf=softfail smtp.mailfrom=example.com", False),
        ("mx.example; none", False),
        ("mx.evil; dkim=pass header.d=example.com", False),
        ("mx.example.evil; dkim=pass header.d=example.com", False),
        ("mx.example; iprev=pass policy.iprev=1.2.3.4; auth=pass smtp.auth=example.com", False),
    ],
)
def test_an_origin_is_verified_only_by_the_trusted_server_for_the_very_domain(header: str, verified: bool) -> None:
    sender = "ana@mail.example.com" if "from=mail" in header else "ana@example.com"
    assert origin_of([header], "mx.example", sender).verified is verified
    assert origin_of([header], None, "ana@example.com") == Origin()


@given(headers=st.lists(st.text(max_size=200), max_size=3), sender=st.text(max_size=50))
def test_no_header_breaks_the_reading_of_origins(headers: list[str], sender: str) -> None:
    assert not origin_of([f"mx;{one}" for one in headers] + headers, "mx", f"{sender}@example.com").verified


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [("a*b*c", True), ("*", True), ("abc", True), ("a*c*", True), ("a*bb*c", False), ("abc*c", False), ("b*", False)],
)
def test_a_star_in_a_sender_stands_for_any_characters(pattern: str, fits: bool) -> None:
    assert is_allowed("abc@example.com", [f"{pattern}@example.com"]) is fits


def test_many_stars_in_a_sender_take_no_longer_than_few() -> None:
    assert not is_allowed("a" * 300 + "@example.com", ["*a" * 150 + "*b@example.com"])


def test_a_header_of_many_lines_is_refused_with_their_number() -> None:
    with pytest.raises(MailUnreadable, match="its header has 6,000 lines, more than 5,000"):
        read_mail(b"From: bo@example.com\r\n" + b"X: y\r\n" * 6_000 + b"\r\nhello", most_attachments=1)
