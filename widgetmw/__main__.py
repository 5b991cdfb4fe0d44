"""``python -m widgetmw``."""

from widgetmw.cli import main

raise SystemExit(main())
