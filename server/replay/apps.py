from django.apps import AppConfig


class ReplayConfig(AppConfig):
    name = "server.replay"
    label = "replay"
