"""What both shops show: a page of some ten kilobytes, as Jinja renders it for somebody signed in."""

from __future__ import annotations

from pathlib import Path

TEMPLATES = Path(__file__).parent / "templates"
SECRET = "a key of no worth"
ITEMS = [
    {"id": number, "name": f"Kettle & pot no. {number}", "price": 1990 + 35 * number, "stock": number % 7}
    for number in range(40)
]
