"""What can be wrong with the place where everything is remembered."""


class StoreUnavailable(Exception):
    """The database or a folder cannot be used. For the operator: `message` says what, `hint` what to do next."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
