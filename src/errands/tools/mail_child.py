"""The SMTP session, in a child process: it blocks, and a cancelled one must not go on sending."""

import smtplib
import socket
import ssl
from base64 import b64decode
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from errands.tools.refusal import Refusal

_SECONDS = 30.0


def send(job: dict[str, object]) -> dict[str, object]:
    """`{connection, sender, recipients, message}` (message: base64) -> `{accepted, refused}`. Raises Refusal."""
    url = urlsplit(str(job["connection"]))
    recipients = [str(each) for each in _listed(job["recipients"])]
    try:
        with _session(url) as session:
            refused = _deliver(session, str(job["sender"]), recipients, b64decode(str(job["message"])))
    except (smtplib.SMTPException, OSError) as error:
        raise _told(error, url) from None
    return {"accepted": [each for each in recipients if each not in refused], "refused": refused}


def _session(url: SplitResult) -> smtplib.SMTP:
    host, options = url.hostname or "", parse_qs(url.query)
    secured = url.scheme == "smtps"
    session: smtplib.SMTP
    if secured:
        session = smtplib.SMTP_SSL(host, url.port or 465, timeout=_SECONDS, context=ssl.create_default_context())
    else:
        session = smtplib.SMTP(host, url.port or 587, timeout=_SECONDS)
        session.ehlo()
        if session.has_extn("starttls") and options.get("tls") != ["none"]:
            session.starttls(context=ssl.create_default_context())
            session.ehlo()
            secured = True
    if url.username:
        if not secured and options.get("tls") != ["none"]:
            session.close()
            raise Refusal(
                "denied",
                f"{host} offers no TLS, and the password would travel in the clear",
                "use smtps://, or add ?tls=none to the connection if that is meant",
            )
        session.login(unquote(url.username), unquote(url.password or ""))
    return session


def _deliver(session: smtplib.SMTP, sender: str, recipients: list[str], message: bytes) -> dict[str, str]:
    wide = not all(each.isascii() for each in [sender, *recipients])
    if wide and not session.has_extn("smtputf8"):
        raise Refusal("input", "an address is not ASCII, and the mail server takes only ASCII addresses")
    options = ["SMTPUTF8", "BODY=8BITMIME"] if wide else []
    refused = session.sendmail(sender, recipients, message, mail_options=options)
    return {who: _reply(code, text) for who, (code, text) in refused.items()}


def _told(error: Exception, url: SplitResult) -> Refusal:
    where = f"the mail server {url.hostname}"
    match error:
        case smtplib.SMTPRecipientsRefused():
            told = "; ".join(f"{who}: {_reply(code, text)}" for who, (code, text) in error.recipients.items())
            later = all(400 <= code < 500 for code, _ in error.recipients.values())
            return Refusal("unavailable" if later else "input", f"{where} refused every recipient: {told}")
        case smtplib.SMTPAuthenticationError():
            return Refusal("denied", f"{where} refused the login ({error.smtp_code})", "check user and password")
        case smtplib.SMTPResponseException():
            kind = "unavailable" if 400 <= error.smtp_code < 500 else "tool"
            return Refusal(kind, f"{where} answered {_reply(error.smtp_code, error.smtp_error)}")
        case TimeoutError():
            return Refusal("timeout", f"{where} did not answer within {_SECONDS:g} s")
        case ssl.SSLError():
            return Refusal("network", f"{where}: TLS failed ({error.reason})")
        case smtplib.SMTPServerDisconnected() | ConnectionError() | socket.gaierror() | OSError():
            return Refusal("network", f"{where} cannot be reached: {getattr(error, 'strerror', None) or error}")
        case _:
            return Refusal("tool", f"{where}: {error}")


def _reply(code: int, text: bytes | str) -> str:
    said = text.decode(errors="replace") if isinstance(text, bytes) else text
    return f"{code} {said}"[:300]


def _listed(value: object) -> list[object]:
    assert isinstance(value, list)
    return value
