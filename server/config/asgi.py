"""ASGI entry point, served by uvicorn."""

import os
import threading

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "server.config.settings")

application = get_asgi_application()

# Imported only now: they need the applications loaded.
from routing.compiled.warm import warm as warm_streets  # noqa: E402
from server.dispatch.optimising.rolling import warm as warm_plans  # noqa: E402
from server.network.graph import warm_up  # noqa: E402

warm_up()
for name, loops in (("streets", warm_streets), ("plans", warm_plans)):
    threading.Thread(target=loops, name=f"warm-up-{name}", daemon=True).start()
