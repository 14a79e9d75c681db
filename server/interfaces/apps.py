from django.apps import AppConfig


class InterfacesConfig(AppConfig):
    name = "server.interfaces"
    label = "interfaces"
