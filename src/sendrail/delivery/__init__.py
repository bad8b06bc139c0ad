"""From the queue to a carrier: claim, pace, hand over, settle, rescue."""
