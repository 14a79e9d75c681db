from django.apps import AppConfig


class ForecastConfig(AppConfig):
    name = "server.forecast"
    label = "forecast"
