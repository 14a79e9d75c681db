from django.apps import AppConfig


class WallboardConfig(AppConfig):
    name = "server.wallboard"
    label = "wallboard"
