"""Sign-on at an identity provider, and every lie of one that is refused."""

from collections.abc import Iterator
from typing import Any

import pytest
from joserfc.jwk import OctKey, RSAKey

from errands.services.errors import Conflict, Denied, Unauthenticated, Unavailable
from errands.services.identity_provider import IdentityProvider, Registration
from errands.services.sign_on import SignedOn, SignOn, own_path
from tests.services.identity_server import Claims, Provider, serve
from tests.services.people_bench import GOOD, HOME, Bench

BACK = "https://errands.example/sign-on/back"


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A provider that listens."""
    with serve(Provider()) as listening:
        yield listening


@pytest.fixture
def sign_on(bench: Bench, provider: Provider) -> SignOn:
    """Sign-on with that provider."""
    return made(bench, provider)


def made(bench: Bench, provider: Provider, *, create_accounts: bool = True) -> SignOn:
    known = IdentityProvider(Registration(provider.issuer, "errands", "hush"))
    return SignOn(
        bench.database, bench.authority, bench.sessions, known, create_accounts=create_accounts, clock=bench.clock
    )


async def go(sign_on: SignOn, provider: Provider, **changes: str) -> SignedOn:
    """The whole way of a browser."""
    begun = await sign_on.begin(redirect_uri=BACK, return_to="/runs")
    state, code = provider.visit(begun.url)
    given = {"state": state, "cookie_state": begun.state, "code": code, **changes}
    return await sign_on.finish(**given, address=HOME)


async def test_somebody_new_gets_an_account_without_any_right(
    bench: Bench, sign_on: SignOn, provider: Provider
) -> None:
    came = await go(sign_on, provider)
    person = came.signed_in.person
    assert (person.name, dict(person.projects), came.return_to) == ("ana", {}, "/runs")
    assert (await bench.sessions.find(came.signed_in.cookie)).person == person
    assert (await go(sign_on, provider)).signed_in.person.id == person.id
    assert (await bench.people.get(bench.root, "ana")).title == "Ana Alba"


def with_claim(name: str, value: object) -> Any:
    def change(claims: Claims) -> Claims:
        changed = {**claims, name: value}
        return {key: held for key, held in changed.items() if held is not None}

    return change


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("nonce", "another"),
        ("nonce", None),
        ("iss", "https://evil.example"),
        ("aud", "another-program"),
        ("aud", ["errands", "another-program"]),
        ("azp", "another-program"),
        ("exp", 1_700_000_000),
        ("exp", None),
        ("iat", None),
        ("sub", None),
        ("sub", ""),
    ],
)
async def test_a_token_with_a_wrong_claim_is_refused(
    bench: Bench, sign_on: SignOn, provider: Provider, claim: str, value: object
) -> None:
    provider.change = with_claim(claim, value)
    with pytest.raises(Unauthenticated, match="sign-on failed"):
        await go(sign_on, provider)
    assert await bench.database.pool.fetchval("select count(*) from users") == 0


async def test_a_token_that_another_key_has_signed_is_refused(sign_on: SignOn, provider: Provider) -> None:
    provider.signs_with = RSAKey.generate_key(2048, {"kid": "k1"})
    with pytest.raises(Unauthenticated, match="no key of the provider"):
        await go(sign_on, provider)


async def test_a_token_signed_with_a_shared_secret_is_refused(sign_on: SignOn, provider: Provider) -> None:
    provider.signs_with = OctKey.import_key(b"hush" * 8)  # type: ignore[assignment]
    provider.header = {"alg": "HS256", "kid": "k1"}
    with pytest.raises(Unauthenticated, match="no key of the provider"):
        await go(sign_on, provider)


async def test_keys_are_fetched_once(sign_on: SignOn, provider: Provider) -> None:
    for _ in range(3):
        await go(sign_on, provider)
    assert provider.key_requests == 1


async def test_a_sign_on_ends_only_in_the_browser_in_which_it_began(sign_on: SignOn, provider: Provider) -> None:
    with pytest.raises(Unauthenticated, match="not begun in this browser"):
        await go(sign_on, provider, cookie_state="another")
    with pytest.raises(Unauthenticated, match="not begun in this browser"):
        await go(sign_on, provider, state="another")


async def test_a_sign_on_ends_once_and_in_time(bench: Bench, sign_on: SignOn, provider: Provider) -> None:
    begun = await sign_on.begin(redirect_uri=BACK)
    state, code = provider.visit(begun.url)
    await sign_on.finish(state=state, cookie_state=begun.state, code=code, address=HOME)
    with pytest.raises(Unauthenticated):
        await sign_on.finish(state=state, cookie_state=begun.state, code=code, address=HOME)
    late = await sign_on.begin(redirect_uri=BACK)
    state, code = provider.visit(late.url)
    bench.clock.on(minutes=11)
    with pytest.raises(Unauthenticated):
        await sign_on.finish(state=state, cookie_state=late.state, code=code, address=HOME)


async def test_a_code_that_the_provider_does_not_know_is_refused(sign_on: SignOn, provider: Provider) -> None:
    with pytest.raises(Unauthenticated, match="invalid_grant"):
        await go(sign_on, provider, code="made-up")


async def test_a_local_account_is_not_taken_over_by_its_name(bench: Bench, sign_on: SignOn, provider: Provider) -> None:
    await bench.people.create(bench.root, "ana", email="ana@example.com", password=GOOD)
    with pytest.raises(Conflict, match="somebody else's"):
        await go(sign_on, provider)


async def test_a_prepared_account_is_for_whoever_has_the_address_for_certain(bench: Bench, provider: Provider) -> None:
    await bench.people.create(bench.root, "alba", email="Ana@Example.com")
    strict = made(bench, provider, create_accounts=False)
    provider.change = with_claim("email_verified", False)
    with pytest.raises(Denied, match="no account"):
        await go(strict, provider)
    provider.change = with_claim("email_verified", True)
    assert (await go(strict, provider)).signed_in.person.name == "alba"
    provider.person["sub"] = "456"
    with pytest.raises(Denied, match="no account"):
        await go(strict, provider)


async def test_a_disabled_person_does_not_come_back_by_sign_on(
    bench: Bench, sign_on: SignOn, provider: Provider
) -> None:
    await go(sign_on, provider)
    await bench.people.disable(bench.root, "ana")
    with pytest.raises(Denied, match="disabled"):
        await go(sign_on, provider)


async def test_a_provider_that_says_it_is_another_is_refused(sign_on: SignOn, provider: Provider) -> None:
    provider.says_it_is = "https://evil.example"
    with pytest.raises(Unavailable, match=r"evil\.example"):
        await sign_on.begin(redirect_uri=BACK)


@pytest.mark.parametrize("issuer", ["http://login.example.com", "ftp://x", "http://127.0.0.1:9"])
async def test_a_provider_without_tls_or_that_is_away_is_unavailable(bench: Bench, issuer: str) -> None:
    with pytest.raises(Unavailable):
        await made(bench, Provider(issuer)).begin(redirect_uri=BACK)


@pytest.mark.parametrize("text", ["https://evil.example", "//evil.example", "/\\evil.example", "", "runs", "/a\nb"])
def test_nobody_is_led_to_another_site(text: str) -> None:
    assert own_path(text) == "/"
    assert own_path("/runs?task=x") == "/runs?task=x"
