"""``jwt``: a JSON Web Token for an in-house or unlisted widget, from settings alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Final, NoReturn

from widgetmw.provider import TRUST_EMAILS, JwtProvider, User, Variable, one_of, parse_int, signing_key
from widgetmw.providers.placeholders import compile_claims, fill_claims, names_in, rests_on_email
from widgetmw.providers.signing import KEY_PARSERS

_KEY: Final = "WIDGETMW_JWT_KEY"
_ALGORITHM: Final = "WIDGETMW_JWT_ALGORITHM"
_CLAIMS: Final = "WIDGETMW_JWT_CLAIMS"
_HEADER: Final = "WIDGETMW_JWT_HEADER"


def _json_object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text, parse_constant=_refuse_constant)
        json.dumps(found, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise ValueError(f"must be a JSON object; line {error.lineno}, column {error.colno} is not JSON") from None
    except UnicodeEncodeError:
        raise ValueError("must be a JSON object of texts that UTF-8 can encode") from None
    if not isinstance(found, dict):
        raise ValueError("must be a JSON object")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError("must be a JSON object of finite numbers")


def _claims(text: str) -> Any:
    claims = _json_object(text)
    if times := sorted(JwtProvider.reserved_names & claims.keys()):
        raise ValueError(f"must not set {', '.join(times)}: WIDGETMW_JWT_TTL says how long a token is valid")
    return compile_claims(claims)


def _header(text: str) -> dict[str, Any]:
    header = _json_object(text)
    if "alg" in header:
        raise ValueError(f"must not set alg: {_ALGORITHM} does")
    if unsupported := sorted({"b64", "crit"} & header.keys()):
        raise ValueError(f"must not set {', '.join(unsupported)}, which would change the form of the token")
    if not all(isinstance(header.get(name, ""), str) for name in ("kid", "typ")):
        raise ValueError("must have texts as kid and typ")
    return header


class Jwt(JwtProvider):
    """Signs the configured claims. It has no script: a page reads the token with ``widgetmw.get("jwt")``."""

    name = "jwt"
    variables: ClassVar[tuple[Variable[Any], ...]] = (
        signing_key(_KEY, "signs: a shared key, or a private key in PEM", str),
        Variable(_ALGORITHM, f"one of {', '.join(f'`{name}`' for name in KEY_PARSERS)}", one_of(*KEY_PARSERS), "HS256"),
        Variable(
            _CLAIMS,
            'claims in JSON, with placeholders: `{"sub": "{id}", "name": "{name}", "plan": "{attributes.plan}"}`',
            _claims,
            required=True,
        ),
        Variable(_HEADER, 'further fields of the header in JSON, such as `{"kid": "key-1"}`', _header),
        Variable("WIDGETMW_JWT_TTL", "lifetime of a token in seconds; `0`: tokens do not expire", parse_int(0), 3600),
        TRUST_EMAILS,
    )
    key_variable = _KEY
    lifetime_variable = "WIDGETMW_JWT_TTL"
    script: ClassVar[str | None] = ""

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.algorithm: str = values[_ALGORITHM]
        self.headers: Mapping[str, str] = values[_HEADER] or {}
        try:
            self._key = KEY_PARSERS[self.algorithm](values[_KEY])
        except ValueError as error:
            raise ValueError(f"{_KEY} {error}, since {_ALGORITHM} is {self.algorithm}") from None

    def payload(self, user: User) -> Mapping[str, Any]:
        """Returns the configured claims, without those whose value is missing."""
        claims: Mapping[str, Any] = fill_claims(self.values[_CLAIMS], user)
        return claims

    def warnings(self) -> tuple[str, ...]:
        """Warns of claims that do not say who the user is, or that rest on an address that nobody vouches for."""
        names = tuple(names_in(self.values[_CLAIMS]))
        if set(names) <= {"name"}:
            return (*super().warnings(), f"{_CLAIMS} does not say who the user is: use {{id}}")
        if rests_on_email(names) and not self.values[TRUST_EMAILS.name]:
            note = f"{_CLAIMS} names the user by the email address alone, verified or not: use {{id}}, or set "
            return (*super().warnings(), f"{note}{TRUST_EMAILS.name}=true if nobody can register with somebody else's")
        return super().warnings()

    @classmethod
    def example_variables(cls) -> dict[str, str]:
        """Returns a random key, and claims with every field of a user but its attributes."""
        claims = {"sub": "{id}", "name": "{name}", "email": "{email}"}
        return {**super().example_variables(), _CLAIMS: json.dumps(claims)}
