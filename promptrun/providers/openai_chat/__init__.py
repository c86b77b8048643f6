"""Any server of the Chat Completions protocol, through the official package."""

from promptrun.providers.openai_chat.chat import OpenAIChat

__all__ = ["OpenAIChat"]
