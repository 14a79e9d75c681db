"""What every template and script needs to know of the page: language, time zone, theme, role."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.utils.translation import get_language

from server.portal.city import city_view
from server.portal.roles import TOPICS, home_of, pages_for, role_of

THEMES = ("auto", "light", "dark")
_VENDOR = {
    "maplibre-gl": "vendor/maplibre-gl.mjs",
    "echarts": "vendor/echarts.esm.min.mjs",
    "sip": "vendor/sip.mjs",
}
_FONTS = {
    "latin": "vendor/noto-sans-latin-400.woff2",
    "bold": "vendor/noto-sans-latin-600.woff2",
    "han": "vendor/noto-sans-sc-400.woff2",
}


def theme_of(request: HttpRequest) -> str:
    theme = request.COOKIES.get("standpipe_theme", "auto")
    return theme if theme in THEMES else "auto"


def page(request: HttpRequest) -> dict[str, Any]:
    """Context for all pages; `page_data` is printed as JSON and read by static/js/page.js."""
    user = getattr(request, "user", None)
    signed_in = bool(user is not None and user.is_authenticated)
    role = role_of(user) if signed_in else ""
    conf = getattr(settings, "STANDPIPE", {})
    return {
        "theme": theme_of(request),
        "nav": pages_for(user) if signed_in else [],
        "home": home_of(user) if signed_in else "/sign-in",
        "utility": conf.get("UTILITY", "Standpipe"),
        "csp_nonce": getattr(request, "csp_nonce", ""),
        "importmap": {"imports": {name: static(path) for name, path in _VENDOR.items()}},
        "page_data": {
            "lang": get_language() or "en",
            "tz": settings.TIME_ZONE,
            "role": role,
            "user": user.get_username() if signed_in and user is not None else "",
            "topics": TOPICS.get(role, "wall" if signed_in else ""),
            "csrf_cookie": settings.CSRF_COOKIE_NAME,
            "stale_fix_s": conf.get("STALE_FIX_S", 120),
            **(city_view() if signed_in else {}),
            "fonts": {name: static(path) for name, path in _FONTS.items()},
        },
    }
