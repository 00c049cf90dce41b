"""Safety: bans and shadow-bans. Publishes safety.decided."""
