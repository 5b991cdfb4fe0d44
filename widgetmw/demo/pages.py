"""Renders the pages of the sample site."""

from __future__ import annotations

from dataclasses import dataclass

from widgetmw.demo.catalogue import VENDORS, VendorPage
from widgetmw.demo.pasted import MAX_PAGE
from widgetmw.demo.people import PEOPLE, Person
from widgetmw.demo.render import Markup, code_spans, join, render
from widgetmw.demo.samples import CHOICES, Choice
from widgetmw.demo.vendors import Verdict


@dataclass(frozen=True, slots=True)
class PageContext:
    """What every page needs to know about its request.

    Attributes:
        path: path of the page.
        nonce: CSP nonce of the page's scripts.
        person: who is signed in, or ``None``.
        ttl: lifetime of the tokens in seconds.
        just_signed_out: whether this page runs the clean-up after a sign-out.
    """

    path: str
    nonce: str
    person: Person | None
    ttl: int
    just_signed_out: bool


def overview(context: PageContext) -> Markup:
    """Returns the front page: the sign-in form and an overview of the vendors."""
    cards = join([_card(vendor, context) for vendor in VENDORS.values()])
    template = "overview-signed-in" if context.person else "overview-anonymous"
    hero = render(template, name=context.person.label if context.person else "", ttl=context.ttl)
    heading = "Switch to another user" if context.person else "Sign in"
    sign_in = _sign_in(context, heading)
    first, last = (Markup(), sign_in) if context.person else (sign_in, Markup())
    body = render("overview", hero=hero, first=first, cards=cards, last=last, inspector=_inspector(context))
    return _layout(context, "Overview", body, "overview.js")


def vendor(context: PageContext, page: VendorPage) -> Markup:
    """Returns a vendor's page: a stand-in for its widget next to a live view of its token."""
    widget = render(f"vendor-{page.key}", nonce=context.nonce)
    person = context.person if _is_served(page, context.person) else None
    body = render(
        "vendor",
        key=page.key,
        name=page.name,
        lead=page.lead,
        on_load=code_spans(page.on_load),
        on_renewal=code_spans(page.on_renewal),
        on_sign_out=code_spans(page.on_sign_out),
        person=context.person.key if context.person else "",
        greeting=f"Welcome back, {context.person.label}" if context.person else "Welcome",
        widget=widget,
        panel=render("panel", key=page.key, ttl=context.ttl, missing=page.missing) if person else _other_panel(context),
        history=render("history") if person else Markup(),
        chat_url=render("giosg-chat-url") if page.key == "giosg" and person else Markup(),
        inspector=_inspector(context),
    )
    return _layout(context, page.name, body, "panel.js")


def decisions(context: PageContext) -> Markup:
    """Returns the page on which visitors see what the middleware decides about other responses, and why."""
    body = render(
        "decisions",
        sign_in=Markup() if context.person else render("decisions-anonymous", sign_in=_sign_in(context, "Sign in")),
        choices=join([_choice(choice) for choice in CHOICES.values()]),
        sample_view=render("response-view", id="sample"),
        paste_view=render("response-view", id="paste"),
        max_page=MAX_PAGE,
    )
    return _layout(context, "Decisions", body, "decisions.js")


def room(context: PageContext, url: str, verdict: Verdict) -> Markup:
    """Returns the stand-in for the chat room that a signed URL opens."""
    state = "verified" if verdict.verified else "rejected"
    text = f"URL verified for {verdict.user}" if verdict.verified else str(verdict.error)
    claims = verdict.claims or {}
    rows = join([render("claim", name=name, value=value) for name, value in claims.items()])
    return render("room", nonce=context.nonce, state=state, text=text, rows=rows, url=url)


def error(context: PageContext, title: str, text: str) -> Markup:
    """Returns an error page."""
    return _layout(context, title, render("error", title=title, text=text), None)


def _layout(context: PageContext, title: str, body: Markup, script: str | None) -> Markup:
    names = ("nav.js", script) if script else ("nav.js",)
    scripts = join([render("script", name=name, nonce=context.nonce) for name in names])
    links = [
        ("/", "Overview"),
        *((f"/{vendor.key}", vendor.name) for vendor in VENDORS.values()),
        ("/decisions", "Decisions"),
    ]
    nav = join([_link(path, text, path == context.path) for path, text in links])
    if context.person:
        account = render("account", name=context.person.label, initials=context.person.initials, next=context.path)
    else:
        account = render("account-anonymous")
    return render("layout", title=title, nav=nav, account=account, body=body, scripts=scripts)


def _link(path: str, text: str, current: bool) -> Markup:
    return render("nav-current" if current else "nav", path=path, text=text)


def _is_served(vendor: VendorPage, person: Person | None) -> bool:
    """Returns whether a vendor can identify the person who is signed in."""
    return person is not None and (bool(person.user.email) or not vendor.needs_email)


def _card(vendor: VendorPage, context: PageContext) -> Markup:
    if _is_served(vendor, context.person):
        return render(
            "card", key=vendor.key, name=vendor.name, summary=vendor.summary, ttl=context.ttl, missing=vendor.missing
        )
    status = "Anonymous: no email address" if context.person else "Anonymous visitor"
    return render("card-anonymous", key=vendor.key, name=vendor.name, summary=vendor.summary, status=status)


def _sign_in(context: PageContext, heading: str) -> Markup:
    people = join([_person_button(person, context.person) for person in PEOPLE.values()])
    return render("sign-in", next=context.path, people=people, heading=heading)


def _person_button(person: Person, current: Person | None) -> Markup:
    return render(
        "person",
        key=person.key,
        label=person.label,
        initials=person.initials,
        email=person.user.email or "no email address",
        about=person.about,
        current="true" if person is current else "false",
        action="Signed in" if person is current else "Sign in",
    )


def _other_panel(context: PageContext) -> Markup:
    """Returns the panel of a page whose visitor has no token of the vendor."""
    if context.person:
        return render("panel-unserved", sign_in=_sign_in(context, "Switch to another user"))
    note = render("note-signed-out" if context.just_signed_out else "note-anonymous")
    return render("panel-anonymous", note=note, sign_in=_sign_in(context, "Sign in"))


def _inspector(context: PageContext) -> Markup:
    return render("inspector", path=context.path, view=render("response-view", id="inspector"))


def _choice(choice: Choice) -> Markup:
    options = join([render("option", key=option.key, label=option.label) for option in choice.options])
    return render("choice", key=choice.key, label=choice.label, options=options)
