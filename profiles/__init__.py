"""Profiles: who somebody is, whom they seek and where they are. Publishes profile.changed."""
