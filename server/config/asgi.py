"""ASGI entry point, served by uvicorn."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "server.config.settings")

application = get_asgi_application()

# Imported only now: it needs the applications loaded.
from server.network.graph import warm_up  # noqa: E402

warm_up()
