"""Asterisk's REST interface: the part of a call before the queue."""
