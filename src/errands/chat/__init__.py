"""The chat: people say what they want, an assistant answers with their rights, and what matters waits for their click.

Slash commands and cards need no model. What imports pydantic-ai lies in `talking`, loaded by the first free talk.
"""
