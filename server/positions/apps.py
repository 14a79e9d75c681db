from django.apps import AppConfig


class PositionsConfig(AppConfig):
    name = "server.positions"
    label = "positions"
