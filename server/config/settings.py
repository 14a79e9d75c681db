"""Settings, read from the environment alone (see environment.py and docs/operations.md)."""

from __future__ import annotations

import mimetypes
import os
from pathlib import Path
from typing import Any

from csp.constants import NONCE, NONE, SELF
from django.utils.translation import gettext_lazy as _

from mqtt.formats import STANDARD
from server.config import environment as env

SERVER = Path(__file__).resolve().parent.parent
STATE = Path(env.text("STATE", str(SERVER.parent / ".standpipe" / "state")))

# Where numba keeps machine code: the checkout may be read-only, the user without a home.
os.environ.setdefault("NUMBA_CACHE_DIR", str(STATE / "numba"))

SECRET_KEY = env.text("SECRET_KEY")
DEBUG = env.flag("DEBUG")
TESTING = env.flag("TEST")
# The demo shows its sign-ins on the sign-in page; a real installation never does.
STANDPIPE_DEMO = env.flag("DEMO", True)
ALLOWED_HOSTS = list(env.words("HOSTS", "localhost,127.0.0.1,[::1]"))
CSRF_TRUSTED_ORIGINS = list(env.words("TRUSTED_ORIGINS"))

# Lower apps first. import-linter keeps the direction (pyproject.toml).
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.gis",
    "rest_framework",
    "rest_framework_gis",
    "drf_spectacular",
    "django_tasks",
    "django_tasks_db",
    "server.accounts",
    "server.events",
    "server.network",
    "server.customers",
    "server.knowledge",
    "server.places",
    "server.streets",
    "server.messaging",
    "server.interfaces",
    "server.ivr",
    "server.tickets",
    "server.workforce",
    "server.positions",
    "server.ledger",
    "server.calls",
    "server.calls.queueing",
    "server.calls.recordings",
    "server.desk",
    "server.dispatch",
    "server.outages",
    "server.bursts",
    "server.forecast",
    "server.led",
    "server.campaigns",
    "server.service_level",
    "server.bulletin",
    "server.quality",
    "server.processes",
    "server.bi",
    "server.wallboard",
    "server.versions",
    "server.replay",
    "server.portal",
]

MIDDLEWARE = [
    "server.events.middleware.ServerTiming",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    # Innermost, for it is synchronous: whatever stood within it would be run as asynchronous code
    # under ASGI and cost two changes of thread for each of its two sides.
    "server.accounts.middleware.RequestContext",
]

ROOT_URLCONF = "server.config.urls"
ASGI_APPLICATION = "server.config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [SERVER / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.template.context_processors.i18n",
                "django.contrib.messages.context_processors.messages",
                "server.portal.context.page",
            ],
        },
    },
]

DATABASES = {
    "default": {
        # Tests drop their database, which kept connections would not let them.
        "ENGINE": "django.contrib.gis.db.backends.postgis" if TESTING else "server.config.pooled",
        "NAME": env.text("DB_NAME", "standpipe"),
        "USER": env.text("DB_USER", "standpipe"),
        "PASSWORD": env.text("DB_PASSWORD"),
        "HOST": env.text("DB_HOST", "127.0.0.1"),
        "PORT": env.text("DB_PORT", "5432"),
        # At the end of each request back to the pool, which asks before it hands out.
        "CONN_MAX_AGE": 0,
        "OPTIONS": {"connect_timeout": 5},
    }
}
# Debian 12 ships GDAL 3.6, which sees no file of a stranger: those are read by the newer GDAL in
# pyogrio's wheel, two drivers of it, in the worker (gis_data/importing/ogr.py).
SILENCED_SYSTEM_CHECKS = ["gis.W001"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
CSRF_FAILURE_VIEW = "server.portal.views.csrf_failure"
if TESTING:
    # Tests sign in hundreds of times; a hash that is slow on purpose would be most of their time.
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
LOGIN_URL = "/sign-in"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/sign-in"
SESSION_COOKIE_NAME = "standpipe_session"
CSRF_COOKIE_NAME = "standpipe_csrf"
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.flag("HTTPS")
SESSION_COOKIE_AGE = 12 * 3600
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
# What slipped through escaping would still not run: scripts come from us, or carry this answer's
# word. The telephone in the browser speaks to Asterisk directly, at an address of its own.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "worker-src": [SELF, "blob:"],
        "connect-src": [SELF, *env.telephone_origins()],
        "media-src": [SELF, "blob:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}  # fmt: skip
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

LANGUAGES = [("en", "English"), ("zh-hans", _("Simplified Chinese"))]
LANGUAGE_CODE = env.text("LANGUAGE", "en")
LANGUAGE_COOKIE_NAME = "standpipe_language"
LOCALE_PATHS = [SERVER / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = env.text("TIME_ZONE", "Europe/Helsinki")

STATIC_URL = "/static/"
_vendor = env.text("VENDOR_DIR")
# Third-party JavaScript and fonts are fetched at set-up into a folder outside the repository.
STATICFILES_DIRS = [SERVER / "static", *([("vendor", _vendor)] if _vendor else [])]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_MIMETYPES = {".mjs": "text/javascript", ".woff2": "font/woff2"}
mimetypes.add_type("text/javascript", ".mjs")

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.SessionAuthentication",
        "server.accounts.tokens.CrewTokenAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "server.accounts.requests.ObjectParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "server.config.errors.handle",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Standpipe",
    "DESCRIPTION": "Calls, incidents, pipes, crews and clocks of a water utility.",
    "VERSION": "0.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
}

TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": []}}

# Who hears of an event, in this order, read like MIDDLEWARE. See server/events/subscribing.py.
EVENT_SUBSCRIBERS = [
    "server.outages.subscribers.plan_shut_off",
    "server.outages.subscribers.keep_receipts",
    "server.bursts.subscribers.watch_calls",
    "server.dispatch.subscribers.reroute_crews",
    "server.dispatch.subscribers.follow_closures",
    "server.dispatch.subscribers.follow_trenches",
    "server.dispatch.subscribers.send_order_lists",
    "server.dispatch.subscribers.follow_orders_with_tickets",
    "server.dispatch.subscribers.plan_again",
    "server.service_level.subscribers.keep_clocks",
    "server.bulletin.subscribers.text_people",
    "server.quality.subscribers.sample_closed_tickets",
    "server.processes.subscribers.keep_defects_and_digs",
    "server.interfaces.subscribers.tell_other_systems",
    "server.replay.subscribers.keep_spans",
]

# What the subscribers' process does once when it starts.
EVENT_STARTUP = ["server.dispatch.publishing.send_all_lists"]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "standpipe": {"level": "INFO"},
        "django.request": {"level": "ERROR"},
    },
}

# The city this installation serves.
STANDPIPE: dict[str, Any] = {
    "CITY": env.text("CITY", "helsinki"),
    "UTILITY": env.text("UTILITY", "Standpipe Water"),
    # Where people outside reach the pages: links in texts begin with it.
    "SITE": env.text("SITE", f"http://localhost:{env.number('WEB_PORT', 8000)}"),
    "SERVICE_NUMBER": env.text("SERVICE_NUMBER", "965113"),
    # Lengths and distances are measured in this projected system, never in Web Mercator.
    "MEASURE_EPSG": env.number("MEASURE_EPSG", 3879),
    "COUNTRY_CODE": env.text("COUNTRY_CODE", "358"),
    "AREA_CODE": env.text("AREA_CODE", "09"),
    "RECORDINGS": Path(env.text("RECORDINGS", str(STATE / "recordings"))),
    # Keys that recordings are sealed with (recordings/keyfile.py), changed by a command.
    "RECORDING_KEY_FILE": STATE / "recording_keys.json",
    # Behind them secrets from outside, the newest first, separated by commas.
    "RECORDING_KEYS": env.text("RECORDING_KEYS"),
    # Days by class of retention where they are not those of recordings/retention.py.
    "RECORDING_DAYS": env.text("RECORDING_DAYS"),
    # From here on the alarm, and the oldest go that may: none younger than so many days.
    "RECORDING_FULL_PERCENT": env.number("RECORDING_FULL_PERCENT", 95),
    "RECORDING_LEAST_DAYS": env.number("RECORDING_LEAST_DAYS", 30),
    # Where recordings may be heard from: the house and its VPN.
    "RECORDING_NETWORKS": env.networks(
        "RECORDING_NETWORKS",
        "127.0.0.0/8,::1/128,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7",
    ),
    # Whether agents see that somebody listens in: always, when they are spoken to, never.
    "TELL_LISTENED": env.one_of("TELL_LISTENED", ("always", "spoken", "never")),
    "PHOTOS": Path(env.text("PHOTOS", str(STATE / "photos"))),
    # Files of the network on their way in; kept, so that a version can be traced to them.
    "UPLOADS": Path(env.text("UPLOADS", str(STATE / "uploads"))),
    "UPLOAD_MB": env.number("UPLOAD_MB", 500),
    "SMS_DIR": Path(env.text("SMS_DIR", str(STATE / "sms"))),
    "STREETS": Path(env.text("STREETS", str(STATE / "streets"))),
    # The compiled pipe network; made again where it is missing.
    "NETWORK": Path(env.text("NETWORK", str(STATE / "network"))),
    "PROMPTS": Path(env.text("PROMPTS", str(STATE / "prompts"))),
    # Prompts that this utility recorded itself; they are heard instead of those.
    "OWN_PROMPTS": Path(env.text("OWN_PROMPTS", str(STATE / "own-prompts"))),
    "CALL_LOG": Path(env.text("CALL_LOG", str(STATE / "asterisk" / "log"))),
    "SMS_GATEWAY": env.text("SMS_GATEWAY", "file"),
    "SMS_URL": env.text("SMS_URL"),
    "SMS_KEY": env.text("SMS_KEY"),
    # What a gateway must show that delivers SMS and e-mail to us; empty closes the door.
    "INBOUND_KEY": env.text("INBOUND_KEY"),
    # The utility's own billing system (docs/billing.md); without an address the bills are here.
    "BILLING": {
        "url": env.text("BILLING_URL"), "token": env.text("BILLING_TOKEN"),
        "currency": env.text("CURRENCY", "EUR"), "timeout_s": 2.0,
    },
    # Tracks are kept whole for so many days, then thinned out, then dropped.
    "TRACK_RAW_DAYS": env.number("TRACK_RAW_DAYS", 30),
    "TRACK_KEPT_DAYS": env.number("TRACK_KEPT_DAYS", 365),
    # How devices write positions: one class each (mqtt/formats.py).
    "POSITION_FORMATS": list(env.words("POSITION_FORMATS", ",".join(STANDARD))),
    "MQTT": {
        "host": env.text("MQTT_HOST", "127.0.0.1"),
        "port": env.number("MQTT_PORT", 1883),
        "user": env.text("MQTT_USER", "server"),
        "password": env.text("MQTT_PASSWORD"),
    },
    "ARI": {
        "url": env.text("ARI_URL", "http://127.0.0.1:8088/ari"),
        "user": env.text("ARI_USER", "standpipe"),
        "password": env.text("ARI_PASSWORD"),
    },
    "AMI": {
        "host": env.text("AMI_HOST", "127.0.0.1"),
        "port": env.number("AMI_PORT", 5038),
        "user": env.text("AMI_USER", "standpipe"),
        "password": env.text("AMI_PASSWORD"),
    },
    # Groups of lines to the public network and how many calls each carries: "trunk=30,gsm=8".
    "TRUNKS": env.counts("TRUNKS", "trunk=30"),
    "SIP_WS_URL": env.text("SIP_WS_URL"),
    # Other Asterisks of the same switchboard (server/calls/sites.py).
    "FURTHER_SITES": env.text("FURTHER_SITES"),
    # Never shut out of the exchange: gateways, other sites.
    "TRUSTED_ADDRESSES": env.words("TRUSTED_ADDRESSES"),
    # Lines that are telephones on a desk; the others ring in the browser.
    "DESK_PHONES": env.words("DESK_PHONES"),
    "PHONE_PASSWORD_SEED": env.text("PHONE_PASSWORD_SEED"),
    "PROFILE": env.text("PROFILE", "full"),
    # How customers are told of planned works: see server/outages/law.py.
    "NOTICE": {
        "hours": env.number("NOTICE_HOURS", 24),
        "long_hours": env.number("NOTICE_LONG_HOURS", 48),
        "long_over": env.number("NOTICE_LONG_OVER", 12),
        "share": env.number("NOTICE_SHARE", 95),
        "from_hour": env.number("NOTICE_FROM_HOUR", 8),
        "to_hour": env.number("NOTICE_TO_HOUR", 21),
    },
    # Unpaid bills: hours between the text, the call and the announcement of a cut-off, and between
    # that and the cut-off itself (never below 72).
    "DUNNING": {
        "after_text_h": env.number("DUNNING_AFTER_TEXT_H", 72),
        "after_call_h": env.number("DUNNING_AFTER_CALL_H", 72),
        "notice_h": env.number("DUNNING_NOTICE_H", 72),
    },
    # Hosts of our own network that webhooks may be pointed at.
    "WEBHOOK_HOSTS": env.words("WEBHOOK_HOSTS"),
    # A position older than this is drawn faded with its age and ranked with a warning.
    "STALE_FIX_S": env.number("STALE_FIX_S", 120),
    "OLD_FIX_S": env.number("OLD_FIX_S", 600),
    # Beyond the first of each pair sending somebody costs, at the second nobody is offered: hours
    # of work in 24, hours of rest before, nights in seven days.
    "HOURS": {
        "work": (env.number("WORK_SOFT_H", 10), env.number("WORK_MOST_H", 13)),
        "rest": (env.number("REST_SOFT_H", 11), env.number("REST_LEAST_H", 8)),
        "nights": (env.number("NIGHTS_SOFT", 5), env.number("NIGHTS_MOST", 7)),
    },
    # The plan for several incidents: what a change of crew has to gain, after how long positions
    # ask for another plan, how long a crew has to answer (0: for ever), and whether customers get
    # a link that shows their crew on its way.
    "PLAN": {
        "switching_s": env.number("PLAN_SWITCHING_S", 300),
        "drift_s": env.number("PLAN_DRIFT_S", 30),
        "answer_s": env.number("ANSWER_S", 180), "eta_link": env.flag("ETA_LINK", True),
    },
    # What counts as short after a closure, and how long the worker may compute it. Above
    # `most_pipes` nothing is simulated and plans say "topology only".
    "HYDRAULICS": {
        "required_m": 14.0, "highest_m": 90.0, "fire_need_m3s": 0.015, "fire_hydrants": 30,
        "most_pipes": 50_000, "timeout_s": 90.0, "walking_m": 300.0, "litres_a_day": 10.0,
    },
}
