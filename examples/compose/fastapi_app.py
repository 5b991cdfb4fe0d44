"""A FastAPI app behind nginx and oauth2-proxy; compose.yaml starts it."""

from html import escape
from typing import Annotated

from fastapi import FastAPI, Header
from fastapi.responses import HTMLResponse

from widgetmw.fastapi import install

app = FastAPI()
install(app)  # the user comes from the proxy: WIDGETMW_PROXY


@app.get("/", response_class=HTMLResponse)
def shop(x_auth_request_user: Annotated[str, Header()] = "nobody") -> str:
    """Returns the page. The widget needs no changes here."""
    return PAGE.replace("USER", escape(x_auth_request_user))


PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>FastAPI shop</title></head>
<body>
<h1>FastAPI shop</h1>
<p>Hello, USER. <a href="/oauth2/sign_out?rd=/">Sign out</a></p>
<p>The chat widget would get this token:</p>
<pre></pre>
<script>document.querySelector("pre").textContent = DG_CHAT_WIDGET_CONFIG.metadata.auth_token</script>
</body>
</html>"""
