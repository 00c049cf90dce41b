"""The local stack: real servers out of Python wheels, started, watched and stopped as one."""
