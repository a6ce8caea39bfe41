"""What a task is: definitions, params, expressions, schedules, outcomes. Pure values and rules.

Nothing here reads a clock, the environment, a disk or a network, and nothing here imports another room.
"""
