"""The vendors' pages of the documentation say what the vendors' classes do."""

from __future__ import annotations

import json
import re

import pytest

from tests.fields import VENDORS, claims
from tests.generated import ROOT
from widgetmw import User, testing

ADA = User("42", name="Ada", email="ada@shop.example", attributes={"plan": "pro"})
HEADINGS = [
    "In the vendor's dashboard",
    "Variables",
    "What the token says",
    "What your page embeds",
    "Content-Security-Policy",
    "Anonymous visitors",
    "Renewal and sign-out",
    "Verify",
]


def page(vendor: str) -> str:
    return (ROOT / f"docs/vendors/{vendor}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_page_answers_the_same_questions_for_every_vendor(vendor: str) -> None:
    assert re.findall("^## ([^:\n]+)", page(vendor), re.MULTILINE) == HEADINGS


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_page_shows_the_claims_of_the_token(vendor: str) -> None:
    (shown,) = re.findall(r"```json\n(.*?)```", page(vendor), re.DOTALL)
    assert json.loads(shown) == claims(vendor, ADA)


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_page_names_every_required_variable_and_the_host_of_the_loader(vendor: str) -> None:
    (configured,) = testing.settings(vendor).vendors
    required = [variable.name for variable in configured.provider.variables if variable.required]
    assert [name for name in required if name not in page(vendor)] == []
    hosts = {url.split("/")[2] for url in configured.provider.script_urls()}
    assert [host for host in hosts if f"`https://{host}`" not in page(vendor)] == []
