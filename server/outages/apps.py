from django.apps import AppConfig


class OutagesConfig(AppConfig):
    name = "server.outages"
    label = "outages"
