from django.apps import AppConfig


class LedConfig(AppConfig):
    name = "server.led"
    label = "led"
