"""What a failed model request means for a step, in words that say who can mend it."""

import sys

import httpx2
from openai import OpenAIError
from pydantic_ai.exceptions import (
    AgentRunError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelContextWindowExceededError,
    ModelHTTPError,
    ModelNotFoundError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelRequestRejectedError,
    ModelServerError,
    ModelTimeoutError,
    ModelUnavailableError,
    UserError,
)

from errands.core.outcomes import ErrorKind, StepFailed

_UNREADABLE = (AgentRunError, OpenAIError, ValueError, AttributeError, KeyError, TypeError)
"""What the SDKs raise over an answer that is no JSON, or JSON of another shape (they trust its shape)."""
_LLAMA_TOO_LONG = "exceed_context_size_error"
"""llama.cpp's name for a request over the context size, which pydantic-ai does not know."""
_LONGEST_QUOTE = 300
"""Characters of a provider's own words in a message."""


def translate(error: Exception, model: str, *, answering: bool) -> StepFailed | None:
    """The step error for what a provider or its SDK raised; `None` for a defect of ours.

    `answering`: part of an answer had arrived, so a lost connection means a cut answer.
    """
    if isinstance(error, ModelAPIError):
        return _translate_api_error(error, model, answering)
    if isinstance(error, UserError):
        return StepFailed(ErrorKind.INPUT, f"model {model} cannot do what the step asks: {_quote(error)}")
    if isinstance(error, httpx2.TimeoutException):
        return StepFailed(ErrorKind.TIMEOUT, f"model {model}: {type(error).__name__}")
    if isinstance(error, httpx2.HTTPError):
        return _lost(error, model, answering)
    if isinstance(error, _UNREADABLE) or _is_anthropic(error):
        return StepFailed(
            ErrorKind.MODEL,
            f"model {model} gave an answer that cannot be read: {_quote(error)}",
            hint="if it happens again, check that base_url points to a model's API",
        )
    if _is_amazon(error):
        hint = "check api_key, base_url, and the credentials of AWS in the environment of the server"
        return StepFailed(ErrorKind.DENIED, f"model {model} cannot be asked: {_quote(error)}", hint=hint)
    return None


def _is_amazon(error: Exception) -> bool:
    """Whether Amazon's SDK raised it before it asked, such as for want of credentials."""
    sdk = sys.modules.get("botocore.exceptions")
    return sdk is not None and isinstance(error, sdk.BotoCoreError)


def _is_anthropic(error: Exception) -> bool:
    """Whether Anthropic's SDK raised it; asked without importing that SDK, which takes 1.4 s and 40 MB."""
    sdk = sys.modules.get("anthropic")
    return sdk is not None and isinstance(error, sdk.AnthropicError)


def _translate_api_error(error: ModelAPIError, model: str, answering: bool) -> StepFailed:
    said = _said(error)
    match error:
        case ModelRateLimitError():
            return StepFailed(
                ErrorKind.RATE_LIMITED,
                f"model {model} limits the rate of requests: {said}",
                retry_after=error.retry_after,
            )
        case ModelQuotaExceededError():
            hint = "top up the account at the provider, or use another model"
            return StepFailed(ErrorKind.DENIED, f"the account behind model {model} is used up: {said}", hint=hint)
        case ModelUnavailableError() | ModelServerError():
            return StepFailed(
                ErrorKind.UNAVAILABLE, f"model {model} is not available: {said}", retry_after=error.retry_after
            )
        case ModelTimeoutError():
            return StepFailed(ErrorKind.TIMEOUT, f"model {model} did not answer in time: {said}")
        case ModelConnectionError():
            return _lost(error, model, answering)
        case ModelAuthenticationError():
            hint = "check the secret named in api_key"
            return StepFailed(ErrorKind.DENIED, f"the provider refused the key of model {model}: {said}", hint=hint)
        case ModelNotFoundError():
            hint = "check name and base_url in the model's file"
            return StepFailed(ErrorKind.NOT_FOUND, f"the provider does not know model {model}: {said}", hint=hint)
        case _ if isinstance(error, ModelContextWindowExceededError) or error.provider_error_type == _LLAMA_TOO_LONG:
            hint = "show the agent less: fewer files, shorter outputs, or a model with a larger context"
            return StepFailed(ErrorKind.LIMIT, f"the request is longer than model {model} can read: {said}", hint=hint)
        case ModelRequestRejectedError():
            return StepFailed(ErrorKind.INPUT, f"the provider rejected the request to model {model}: {said}")
        case _:
            what = f"the answer of model {model} was cut off" if answering else f"model {model} failed"
            return StepFailed(ErrorKind.MODEL, f"{what}: {said}")


def _lost(error: Exception, model: str, answering: bool) -> StepFailed:
    if answering:
        return StepFailed(ErrorKind.MODEL, f"the answer of model {model} was cut off: {_quote(error)}")
    hint = "check base_url, and that the model's server is up"
    return StepFailed(ErrorKind.NETWORK, f"no connection to model {model}: {_quote(error)}", hint=hint)


def _said(error: ModelAPIError) -> str:
    status = f"HTTP {error.status_code}, " if isinstance(error, ModelHTTPError) else ""
    body = error.body
    message = body.get("message") if isinstance(body, dict) else body
    return status + _quote(message or error)


def _quote(what: object) -> str:
    text = " ".join(str(what).split()) or type(what).__name__
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}..."
