from django.apps import AppConfig


class QualityConfig(AppConfig):
    name = "server.quality"
    label = "quality"
