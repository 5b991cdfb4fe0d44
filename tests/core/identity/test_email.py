from __future__ import annotations

import pytest

from widgetmw import User
from widgetmw.core.identity.email import email_refusal


@pytest.mark.parametrize(
    ("user", "trusts", "refusal"),
    [
        (User("42"), False, "email_missing"),
        (User("42"), True, "email_missing"),
        (User("42", email=""), True, "email_missing"),
        (User("42", email="a@b.example"), False, "email_unverified"),
        (User("42", email="a@b.example", email_verified=False), False, "email_unverified"),
        (User("42", email="a@b.example", email_verified=True), False, ""),
        (User("42", email="a@b.example"), True, ""),
        (User("42", email="a@b.example", email_verified=False), True, ""),
    ],
)
def test_an_email_is_signed_only_if_it_is_verified_or_trusted(user: User, trusts: bool, refusal: str) -> None:
    assert email_refusal(user, {"WIDGETMW_TRUST_EMAILS": trusts}) == refusal
