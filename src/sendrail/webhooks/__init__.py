"""The customer's webhooks: what the outbox holds is signed, posted and, where it must, repeated."""
