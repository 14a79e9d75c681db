from django.apps import AppConfig


class KnowledgeConfig(AppConfig):
    name = "server.knowledge"
    label = "knowledge"
