"""Billing: what somebody is entitled to. Publishes billing.entitled."""
