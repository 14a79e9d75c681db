"""Pages only: each view picks a template. What is on the page comes from the JSON API."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.contrib.auth import views as auth_views
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import check_for_language, override
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_POST

from server.accounts.audit import record
from server.accounts.demo import demo_password
from server.accounts.refusals import Refused
from server.accounts.throttle import too_many_tries
from server.calls import locating
from server.portal.context import THEMES
from server.portal.roles import (
    LED,
    PAGES,
    ROLE_CARDS,
    SHUTOFF,
    TICKET,
    Page,
    home_of,
    may_open,
    pages_for,
)

log = logging.getLogger("standpipe.portal")
_PAGE = {page.name: page for page in PAGES}
_YEAR_S = 365 * 24 * 3600


class SignIn(auth_views.LoginView):
    """Sign-in with a panel for each role; the demo fills the form for you."""

    template_name = "sign_in.html"
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        context["cards"] = ROLE_CARDS
        context["demo"] = bool(getattr(settings, "STANDPIPE_DEMO", False))
        context["demo_password"] = demo_password() if context["demo"] else ""
        return context

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        name, address = request.POST.get("username", ""), request.META.get("REMOTE_ADDR", "")
        if too_many_tries(name, address):
            form = self.get_form()
            form.errors.setdefault("__all__", form.error_class()).append(
                _("Too many tries. Wait five minutes.")
            )
            return self.render_to_response(self.get_context_data(form=form), status=429)
        return super().post(request, *args, **kwargs)

    def form_invalid(self, form: Any) -> HttpResponse:
        name = self.request.POST.get("username", "")
        record("sign_in.refused", f"user:{name}", by=name[:150])
        return super().form_invalid(form)

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        record("sign_in", f"user:{form.get_user().get_username()}", by=form.get_user().username)
        # The language chosen before signing in wins; otherwise the profile's language is used.
        if settings.LANGUAGE_COOKIE_NAME not in self.request.COOKIES:
            _remember_language(response, str(getattr(form.get_user(), "language", "") or ""))
        return response


def _remember_language(response: HttpResponse, language: str) -> None:
    if language and check_for_language(language):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME, language, max_age=_YEAR_S, samesite="Lax"
        )


def _next(request: HttpRequest) -> str:
    target = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        return target
    return "/"


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Change the language for this browser and, when signed in, for this person's profile."""
    response = HttpResponseRedirect(_next(request))
    language = request.POST.get("language", "")
    if language not in dict(settings.LANGUAGES):
        return response
    _remember_language(response, language)
    user = request.user
    if user.is_authenticated and hasattr(user, "language"):
        user.language = language
        user.save(update_fields=["language"])
    return response


@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    response = HttpResponseRedirect(_next(request))
    theme = request.POST.get("theme", "")
    if theme in THEMES:
        response.set_cookie("standpipe_theme", theme, max_age=_YEAR_S, samesite="Lax")
    return response


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    return redirect(home_of(request.user))


def _open(request: HttpRequest, page: Page, context: dict[str, Any]) -> HttpResponse:
    if not request.user.is_authenticated:
        return redirect(f"{settings.LOGIN_URL}?next={request.path}")
    if not may_open(request.user, page):
        return refuse(request, page)
    return render(request, f"{page.name}.html", {"page": page, **context})


@never_cache
@require_GET
@ensure_csrf_cookie
def show(request: HttpRequest, name: str) -> HttpResponse:
    """One of the pages of roles.PAGES, guarded by role."""
    return _open(request, _PAGE[name], {})


@never_cache
@require_GET
@ensure_csrf_cookie
def ticket(request: HttpRequest, number: str) -> HttpResponse:
    return _open(request, TICKET, {"number": number})


@never_cache
@require_GET
@ensure_csrf_cookie
def shutoff(request: HttpRequest, number: str) -> HttpResponse:
    return _open(request, SHUTOFF, {"number": number})


@never_cache
@require_GET
@ensure_csrf_cookie
def led(request: HttpRequest) -> HttpResponse:
    return _open(request, LED, {})


@never_cache
@require_GET
def where(request: HttpRequest, token: str) -> HttpResponse:
    """The page a caller's telephone opens to show where it is; the link itself is the key."""
    try:
        locating.call_of(token)
        status = 200
    except Refused:
        status = 410
    told = {"page": None, "token": token, "page_data": None, "expired": status == 410}
    return render(request, "where.html", told, status=status)


@never_cache
@require_GET
def crew(request: HttpRequest) -> HttpResponse:
    """Crews work in the phone app; here they learn how to get it."""
    if not request.user.is_authenticated:
        return redirect(settings.LOGIN_URL)
    return render(request, "crew.html", {"page": None})


def refuse(request: HttpRequest, page: Page | None) -> HttpResponse:
    """403 that says where this person's own page is."""
    context = {"page": None, "refused": page, "own": pages_for(request.user)}
    return render(request, "403.html", context, status=403)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return refuse(request, None)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    log.info("form refused: %s", reason)
    return render(request, "403_csrf.html", {"page": None}, status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "404.html", {"page": None}, status=404)


def failed(request: HttpRequest) -> HttpResponse:
    """500 uses nothing that could fail again: no request context, database or session."""
    with override(getattr(request, "LANGUAGE_CODE", None) or settings.LANGUAGE_CODE):
        return render(None, "500.html", status=500)
