"""A Flask app behind nginx and oauth2-proxy; compose.yaml starts it."""

from flask import Flask, request
from markupsafe import escape

from widgetmw.flask import Widget

app = Flask(__name__)
Widget(app)  # the user comes from the proxy: WIDGETMW_PROXY


@app.get("/")
def shop() -> str:
    """Returns the page. The widget needs no changes here."""
    return PAGE.replace("USER", escape(request.headers.get("X-Auth-Request-User", "nobody")))


PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Flask shop</title></head>
<body>
<h1>Flask shop</h1>
<p>Hello, USER. <a href="/oauth2/sign_out?rd=/">Sign out</a></p>
<p>The chat widget would get this token:</p>
<pre></pre>
<script>document.querySelector("pre").textContent = DG_CHAT_WIDGET_CONFIG.metadata.auth_token</script>
</body>
</html>"""
