from django.apps import AppConfig


class RecordingsConfig(AppConfig):
    name = "server.calls.recordings"
    label = "recordings"

    def ready(self) -> None:
        from server.calls import listeners, supervising
        from server.calls.recordings import reconciling

        listeners.LISTENERS.extend((reconciling.hear, supervising.hear))
