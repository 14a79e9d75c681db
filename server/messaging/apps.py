from django.apps import AppConfig


class MessagingConfig(AppConfig):
    name = "server.messaging"
    label = "messaging"
