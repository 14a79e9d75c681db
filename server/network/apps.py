from django.apps import AppConfig


class NetworkConfig(AppConfig):
    name = "server.network"
    label = "network"
