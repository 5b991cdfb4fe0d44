"""Django in one file, with its own users and sessions.

Run ``python examples/django_app.py`` and open http://127.0.0.1:8000/.
"""

import os
import sys

import django
from django.conf import settings
from django.core.management import call_command, execute_from_command_line
from django.http import HttpRequest, HttpResponse

# Demo values, so that the example runs without an account. Set your own in the environment.
DEMO = {
    "DG_API_KEY": "demo",
    "DG_API_SECRET": "insecure-demo-secret-for-this-example-only",
    "DG_WIDGET_ID": "demo",
    "DG_TOKEN_TTL": "10",
}
if not any(name.startswith(("DG_", "HISSUNO_", "ORLO_", "GIOSG_")) for name in os.environ):
    os.environ.update(DEMO)

settings.configure(
    DEBUG=True,
    SECRET_KEY=os.environ.get("SECRET_KEY", "insecure-demo-key"),
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "widgetmw.django",
    ],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.gzip.GZipMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "widgetmw.django.WidgetMiddleware",  # must come after GZipMiddleware and AuthenticationMiddleware
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": "file:example?mode=memory&cache=shared",
        }
    },
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {"context_processors": ["django.contrib.auth.context_processors.auth"]},
        }
    ],
    WIDGETMW={"DELIVERY": "inline"},  # overrides the environment
)
django.setup()

from django.contrib.auth import get_user_model, login, logout  # noqa: E402  after django.setup()
from django.core.asgi import get_asgi_application  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.shortcuts import redirect  # noqa: E402
from django.template import engines  # noqa: E402
from django.urls import include, path  # noqa: E402
from django.views.decorators.http import require_POST  # noqa: E402


def shop(request: HttpRequest) -> HttpResponse:
    """Returns the page. The widget needs no changes here."""
    return HttpResponse(engines["django"].from_string(PAGE).render({}, request))


@require_POST
def sign_in(request: HttpRequest) -> HttpResponse:
    """Signs in the chosen user. A real app would ask for a password."""
    login(request, get_user_model().objects.get(username=request.POST["id"]))
    return redirect("./")


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Signs the user out."""
    logout(request)
    return redirect("./")


urlpatterns = [
    path("", shop),
    path("sign-in", sign_in),
    path("sign-out", sign_out),
    path("_widgetmw/", include("widgetmw.django.urls")),
]

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Shop</title>
<script>
  // Stand-in for the vendor's widget. Your page loads <script src="https://chat.digitalgenius.com/init.js"> instead.
  const tokens = [window.DG_CHAT_WIDGET_CONFIG?.metadata?.auth_token].filter(Boolean);
  const claims = (token) => atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"));
  const show = () => (document.querySelector("ol").innerHTML = tokens.map((t) => `<li>${claims(t)}`).join(""));
  window.dgchat = {
    methods: {
      sendSystemMessage: (message) => show(tokens.push(message.payload)),
      resetChat: () => show((tokens.length = 0)),
    },
  };
  addEventListener("DOMContentLoaded", () => {
    show();
    window.DG_CHAT_WIDGET_CONFIG?.callbacks?.onWidgetEmbedded?.();
  });
</script>
</head>
<body>
<h1>Shop</h1>
{% if user.is_authenticated %}
<form method="post" action="sign-out">{% csrf_token %}Hello, {{ user.get_full_name }}. <button>Sign out</button></form>
{% else %}
<form method="post" action="sign-in">{% csrf_token %}
<button name="id" value="ada">Sign in as Ada</button> <button name="id" value="grace">Sign in as Grace</button>
</form>
{% endif %}
<h2>Tokens the chat widget has received, newest last</h2>
<ol></ol>
</body>
</html>"""

call_command("migrate", verbosity=0)
for username, first, last in (("ada", "Ada", "Lovelace"), ("grace", "Grace", "Hopper")):
    get_user_model().objects.get_or_create(username=username, first_name=first, last_name=last)

app = get_wsgi_application()  # gunicorn --chdir examples django_app:app
asgi = get_asgi_application()  # uvicorn --app-dir examples django_app:asgi

if __name__ == "__main__":
    execute_from_command_line([sys.argv[0], "runserver", "--noreload", os.environ.get("PORT", "8000")])
