"""Shared parts of the tests: real servers, clients that check every answer, fault injection."""
