from django.apps import AppConfig


class CallsConfig(AppConfig):
    name = "server.calls"
    label = "calls"

    def ready(self) -> None:
        from server.calls.queueing.selectors import queues
        from server.ivr import known

        # A menu may send callers to the queues there are, and to no others.
        known.QUEUES.append(lambda: [queue.code for queue in queues()])
