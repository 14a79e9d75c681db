from django.apps import AppConfig


class IvrConfig(AppConfig):
    name = "server.ivr"
    label = "ivr"
