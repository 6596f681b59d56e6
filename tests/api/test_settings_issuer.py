"""Issuer and audience: the origin of BETTER_AUTH_URL unless they are set."""

import pytest

from api.config.origin import origin_of
from api.config.settings import load
from tests.api.conftest import Set
from tests.api.settings_values import ORIGINS


@pytest.mark.parametrize("url", ORIGINS)
def test_origin_is_normalized_as_by_better_auth(url: str, given: Set) -> None:
    given(BETTER_AUTH_URL=url)

    assert origin_of(url) == ORIGINS[url]
    assert load().issuers == load().audiences == (ORIGINS[url],)


def test_issuer_and_audience_can_be_set_separately(given: Set) -> None:
    given(BETTER_AUTH_URL="https://a", AUTH_ISSUER="https://b,https://c", AUTH_AUDIENCE="tasks")

    assert load().issuers == ("https://b", "https://c")
    assert load().audiences == ("tasks",)
