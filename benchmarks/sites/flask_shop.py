"""A Flask app with a session and a Jinja page, as it is and with ours."""

from __future__ import annotations

from flask import Flask, render_template, session

from benchmarks.sites.catalogue import ITEMS, SECRET, TEMPLATES
from benchmarks.subject import settings
from widgetmw import User
from widgetmw.flask import Widget


def shop() -> str:
    """The page."""
    return render_template("shop.html", items=ITEMS, person=session.get("person"))


def item(number: str) -> str:
    """Only so that there is something to link to."""
    return number


def sign_in() -> str:
    """Signs in whoever asks."""
    session["person"] = "ada"
    return ""


def user() -> User | None:
    """Says who is signed in."""
    person = session.get("person")
    return User(person, name=person.title()) if person else None


def made() -> Flask:
    """The app."""
    made = Flask("benchmarks", template_folder=str(TEMPLATES))
    made.secret_key = SECRET
    made.add_url_rule("/", view_func=shop)
    made.add_url_rule("/item/<number>", view_func=item)
    made.add_url_rule("/sign-in", view_func=sign_in)
    return made


without = made()
ours = made()
Widget(ours, settings=settings(), user=user)
