"""What stands on the pages of the sample site."""

from __future__ import annotations

from dataclasses import dataclass

from widgetmw.demo.catalogue import VENDORS, VendorPage
from widgetmw.demo.people import PEOPLE, Person
from widgetmw.demo.render import Markup, join, render
from widgetmw.demo.vendors import Verdict


@dataclass(frozen=True, slots=True)
class Frame:
    """What every page has around its content.

    Attributes:
        path: of the page.
        nonce: of its scripts.
        person: who is signed in, or ``None``.
        ttl: lifetime of the tokens in seconds.
        leaving: whether this browser was signed in until now, so that this page still cleans up.
    """

    path: str
    nonce: str
    person: Person | None
    ttl: int
    leaving: bool


def overview(frame: Frame) -> Markup:
    """Returns the front page: sign in, and the four vendors at a glance."""
    cards = join([_card(vendor, frame) for vendor in VENDORS.values()])
    people = join([_choice(person, frame.person) for person in PEOPLE.values()])
    template = "overview-known" if frame.person else "overview-anonymous"
    hero = render(template, name=frame.person.label if frame.person else "", ttl=frame.ttl)
    heading = "Switch to another person" if frame.person else "Sign in"
    sign_in = render("sign-in", next=frame.path, people=people, heading=heading)
    first, last = (Markup(), sign_in) if frame.person else (sign_in, Markup())
    body = render("overview", hero=hero, first=first, cards=cards, last=last, source=_source(frame))
    return _layout(frame, "Overview", body, "overview.js")


def vendor(frame: Frame, page: VendorPage) -> Markup:
    """Returns a vendor's page: the stand-in for its widget beside the live view of its token."""
    widget = render(f"vendor-{page.key}", nonce=frame.nonce)
    person = frame.person
    body = render(
        "vendor",
        key=page.key,
        name=page.name,
        lead=page.lead,
        carrier=page.carrier,
        renewal=page.renewal,
        ending=page.ending,
        known="yes" if person else "no",
        greeting=f"Welcome back, {person.label}" if person else "Welcome",
        widget=widget,
        panel=render("panel", key=page.key, ttl=frame.ttl) if person else _stranger(frame),
        log=render("log") if person else Markup(),
        extra=render("giosg-room") if page.key == "giosg" and person else Markup(),
        source=_source(frame),
    )
    return _layout(frame, page.name, body, "panel.js")


def room(frame: Frame, url: str, verdict: Verdict) -> Markup:
    """Returns the stand-in for the room behind a signed chat URL."""
    state = "verified" if verdict.verified else "refused"
    text = f"Address verified for {verdict.who}" if verdict.verified else str(verdict.error)
    facts = verdict.claims or {}
    rows = join([render("fact", name=name, value=value) for name, value in facts.items()])
    return render("room", nonce=frame.nonce, state=state, text=text, rows=rows, url=url)


def error(frame: Frame, title: str, text: str) -> Markup:
    """Returns the page for an address that leads nowhere, or a form that was refused."""
    return _layout(frame, title, render("error", title=title, text=text), None)


def _layout(frame: Frame, title: str, body: Markup, script: str | None) -> Markup:
    scripts = render("script", name=script, nonce=frame.nonce) if script else Markup()
    links = [("/", "Overview"), *((f"/{vendor.key}", vendor.name) for vendor in VENDORS.values())]
    nav = join([_link(path, text, path == frame.path) for path, text in links])
    if frame.person:
        account = render("account", name=frame.person.label, initials=frame.person.initials, next=frame.path)
    else:
        account = render("account-anonymous")
    return render("layout", title=title, nav=nav, account=account, body=body, scripts=scripts)


def _link(path: str, text: str, current: bool) -> Markup:
    return render("nav-current" if current else "nav", path=path, text=text)


def _card(vendor: VendorPage, frame: Frame) -> Markup:
    template = "card" if frame.person else "card-anonymous"
    return render(template, key=vendor.key, name=vendor.name, brief=vendor.brief, ttl=frame.ttl)


def _choice(person: Person, current: Person | None) -> Markup:
    return render(
        "person",
        key=person.key,
        label=person.label,
        initials=person.initials,
        email=person.user.email or "no email address",
        about=person.about,
        current="true" if person is current else "false",
    )


def _stranger(frame: Frame) -> Markup:
    note = render("left" if frame.leaving else "anonymous")
    people = join([_choice(person, None) for person in PEOPLE.values()])
    return render("stranger", note=note, sign_in=render("sign-in", next=frame.path, people=people, heading="Sign in"))


def _source(frame: Frame) -> Markup:
    return render("source", path=frame.path)
