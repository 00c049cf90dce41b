"""Identity: for now, that a person can be erased. Publishes person.erased."""
