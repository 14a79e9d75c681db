"""Screens and widgets. The only part of the app that needs Kivy."""
