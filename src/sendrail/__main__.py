"""`python -m sendrail` is the same as `sendrail`."""

from sendrail.cli.main import main

main()
