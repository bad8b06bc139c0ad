"""Where everything is kept; other rooms know only `interface`."""
