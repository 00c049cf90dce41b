"""The errors of the local stack: each message is meant for the person who ran the command."""


class StackError(Exception):
    """The stack cannot start; the message says why and what to do."""
