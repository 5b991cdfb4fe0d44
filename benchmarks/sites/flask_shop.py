"""A Flask app with a session and a Jinja page, bare and with the plugin."""

from __future__ import annotations

from flask import Flask, render_template, session

from benchmarks.sites.catalogue import ITEMS, SECRET, TEMPLATES
from benchmarks.subject import settings
from widgetmw import User
from widgetmw.flask import Widget


def shop() -> str:
    """Shows the page."""
    return render_template("shop.html", items=ITEMS, person=session.get("person"))


def item(number: str) -> str:
    """Shows an item; exists only as a link target."""
    return number


def sign_in() -> str:
    """Signs in the visitor."""
    session["person"] = "ada"
    return ""


def user() -> User | None:
    """Returns the signed-in user."""
    person = session.get("person")
    return User(person, name=person.title()) if person else None


def create_app() -> Flask:
    """Creates the app."""
    app = Flask("benchmarks", template_folder=str(TEMPLATES))
    app.secret_key = SECRET
    app.add_url_rule("/", view_func=shop)
    app.add_url_rule("/item/<number>", view_func=item)
    app.add_url_rule("/sign-in", view_func=sign_in)
    return app


without = create_app()
with_widgetmw = create_app()
Widget(with_widgetmw, settings=settings(), user=user)
