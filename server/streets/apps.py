from django.apps import AppConfig


class StreetsConfig(AppConfig):
    name = "server.streets"
    label = "streets"
