from django.apps import AppConfig


class BulletinConfig(AppConfig):
    name = "server.bulletin"
    label = "bulletin"
