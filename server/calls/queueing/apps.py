from django.apps import AppConfig


class QueueingConfig(AppConfig):
    name = "server.calls.queueing"
    label = "queueing"
