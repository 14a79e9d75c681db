from django.apps import AppConfig


class CallsConfig(AppConfig):
    name = "server.calls"
    label = "calls"
