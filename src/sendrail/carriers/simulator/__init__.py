"""The sandbox carrier: no handset rings, and the recipient's number chooses what happens."""
