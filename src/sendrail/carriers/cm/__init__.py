"""CM.com Business Messaging, by its JSON gateway and webhooks."""
