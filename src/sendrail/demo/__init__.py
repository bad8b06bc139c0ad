"""A believable month for a fresh sandbox: `sendrail demo`."""
