from django.apps import AppConfig


class ServiceLevelConfig(AppConfig):
    name = "server.service_level"
    label = "service_level"
