from django.apps import AppConfig
from django.db.models.signals import post_migrate


class NetworkConfig(AppConfig):
    name = "server.network"
    label = "network"

    def ready(self) -> None:
        from server.network.tile_changes import watch

        post_migrate.connect(watch, sender=self, dispatch_uid="network.tile_changes")
