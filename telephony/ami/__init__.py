"""Asterisk's manager interface: queues, agents, and everything after the queue is entered."""
