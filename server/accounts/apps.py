from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "server.accounts"
    label = "accounts"

    def ready(self) -> None:
        # Known to drf-spectacular once it is imported.
        from server.accounts import openapi  # noqa: F401
