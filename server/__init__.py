"""The Django project: everything that keeps state."""
