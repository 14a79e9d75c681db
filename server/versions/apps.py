from django.apps import AppConfig


class VersionsConfig(AppConfig):
    name = "server.versions"
    label = "versions"
