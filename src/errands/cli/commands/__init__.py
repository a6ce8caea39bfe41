"""The commands, one module for each thing a person comes to do. Each opens services only when it runs."""
