"""Write to us: one form for anybody, without signing in and without JavaScript.

What is sent becomes a written item for the agents (server/calls/queueing/items.py).
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.crypto import get_random_string
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from server.accounts.refusals import Refused
from server.calls.queueing import items
from server.calls.queueing.models import WorkItem
from server.portal.limits import too_often

FIELDS = ("name", "reach", "text", "ref")


@never_cache
@require_http_methods(["GET", "POST"])
def write(request: HttpRequest) -> HttpResponse:
    """The form; a second sending of the same one is the same message."""
    context: dict[str, Any] = {
        "page": None, "page_data": None, "hotline": settings.STANDPIPE["SERVICE_NUMBER"],
        "utility": settings.STANDPIPE["UTILITY"], "ref": get_random_string(20),
    }  # fmt: skip
    status = 200
    if request.method == "POST":
        sent = {name: request.POST.get(name, "").replace("\x00", "") for name in FIELDS}
        context.update(sent)
        try:
            if too_often("write", request):
                raise Refused("", "too_often", _("Sent too often. Wait a minute."), status=429)
            items.receive(
                WorkItem.Kind.WEB, ref=sent["ref"], sender=sent["reach"], body=sent["text"],
                name=sent["name"],
            )  # fmt: skip
            context["sent"] = True
        except Refused as no:
            context["problem"], status = str(no), no.status
    return render(request, "write.html", context, status=status)
