from django.apps import AppConfig


class DeskConfig(AppConfig):
    name = "server.desk"
    label = "desk"

    def ready(self) -> None:
        from server.calls.listeners import LISTENERS
        from server.desk.following import follow

        if follow not in LISTENERS:
            LISTENERS.append(follow)
