from django.apps import AppConfig


class BurstsConfig(AppConfig):
    name = "server.bursts"
    label = "bursts"
