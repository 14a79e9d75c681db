from django.apps import AppConfig


class BiConfig(AppConfig):
    name = "server.bi"
    label = "bi"
