"""What was found about a page."""

from __future__ import annotations

from dataclasses import dataclass, field

from widgetmw.core.reasons import SkipReason


@dataclass(frozen=True)
class Finding:
    """Something that somebody may have to change, and how. The code is that of the skip reason where there is one."""

    code: str
    text: str
    remedy: str


@dataclass
class PageReport:
    """What was found about a page.

    Attributes:
        url: where the page was found, after redirects, without its query.
        status: of the page; ``None`` if none arrived.
        injected: whether the page carries our script.
        reason: the code of the reason why it does not, as far as it is known.
        findings: what to look at.
        endpoint_status: of the token endpoint; ``None`` if it was not asked or did not answer.
        notes: what else is worth saying.
    """

    url: str
    status: int | None = None
    injected: bool = False
    reason: str | None = None
    findings: list[Finding] = field(default_factory=list)
    endpoint_status: int | None = None
    notes: list[str] = field(default_factory=list)

    def add(self, code: str, text: str, remedy: str) -> None:
        """Adds a finding."""
        self.findings.append(Finding(code, text, remedy))

    def add_reason(self, reason: SkipReason, text: str = "", remedy: str = "") -> None:
        """Adds a skip reason as a finding, with what the page shows beyond its text and remedy."""
        self.add(reason.code, f"{reason.text} {text}".rstrip(), f"{remedy} {reason.remedy}".lstrip())


def plain(text: str) -> str:
    """Returns a text of the site without what a terminal would obey, or could not show."""
    return "".join(character if " " <= character <= "~" else "?" for character in text[:200])
