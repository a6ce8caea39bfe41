"""`python -m errands` is the command `errands`."""

from errands.bootstrap import main

main()
