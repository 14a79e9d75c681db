from django.apps import AppConfig


class TicketsConfig(AppConfig):
    name = "server.tickets"
    label = "tickets"
