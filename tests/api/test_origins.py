"""The origin of an address: who issues tokens, and for whom, when nothing else says so."""

import pytest

from api.config.origin import origin_of
from api.config.settings import load
from tests.api.conftest import Set
from tests.api.settings_values import ORIGINS


@pytest.mark.parametrize("url", ORIGINS)
def test_an_origin_is_written_as_better_auth_writes_it(url: str, given: Set) -> None:
    given(BETTER_AUTH_URL=url)

    assert origin_of(url) == ORIGINS[url]
    assert load().issuers == load().audiences == (ORIGINS[url],)


def test_issuer_and_audience_may_be_named_apart(given: Set) -> None:
    given(BETTER_AUTH_URL="https://a", AUTH_ISSUER="https://b,https://c", AUTH_AUDIENCE="tasks")

    assert load().issuers == ("https://b", "https://c")
    assert load().audiences == ("tasks",)
