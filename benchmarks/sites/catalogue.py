"""The content of both shops: a page of about ten kilobytes that Jinja renders for a signed-in user."""

from __future__ import annotations

from pathlib import Path

TEMPLATES = Path(__file__).parent / "templates"
SECRET = "not-a-secret"
ITEMS = [
    {"id": number, "name": f"Kettle & pot no. {number}", "price": 1990 + 35 * number, "stock": number % 7}
    for number in range(40)
]
