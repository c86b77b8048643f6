"""What a reply cost, by the price list that the `genai-prices` package brings along.

The list is the one of the installed package: it is never fetched, so that the same reply costs
the same until the package is upgraded.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from promptrun.protocol.usage import claimed_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

FREE: Final = "local"
"""The provider that costs nothing: the embedded model."""

LONGEST_NAME: Final = 200
"""Characters of a model's name: each pattern of the list searches it."""

_OUTPUT = "completion_tokens"
# Of these a price list may say another price than for the rest.
_DETAILS = (
    ("cache_read_tokens", "prompt_tokens_details", "cached_tokens"),
    ("cache_write_tokens", "prompt_tokens_details", "cache_write_tokens"),
    ("input_audio_tokens", "prompt_tokens_details", "audio_tokens"),
    ("output_audio_tokens", "completion_tokens_details", "audio_tokens"),
)


def reply_cost(raw: Mapping[str, Any], provider: str) -> Decimal | None:
    """US dollars for a reply as the server sent it; None where its usage or the price is unknown.

    The price is that of the served model at `provider`, where the list knows a provider of that
    name, and else that of the model's maker. All choices are counted, and a service tier that the
    reply names.
    """
    if provider == FREE:
        return Decimal(0)
    counts = token_counts(raw)
    model = raw.get("model")
    if counts is None or not isinstance(model, str) or not 0 < len(model) <= LONGEST_NAME:
        return None
    tier = raw.get("service_tier")
    return _price(tuple(counts.items()), model, provider, tier if isinstance(tier, str) else None)


def load_prices() -> None:
    """Load the list ahead of the first reply: it takes a fifth of a second."""
    reply_cost({"model": "gpt-4o", "usage": {"prompt_tokens": 1, "completion_tokens": 1}}, "openai")


def output_tokens(raw: Mapping[str, Any]) -> int | None:
    """The tokens of all choices, reasoning with them; None where the server sent no usage."""
    return claimed_tokens(raw, _OUTPUT)


def token_counts(raw: Mapping[str, Any]) -> dict[str, int] | None:
    """The usage in the price list's words; None where the server sent none that adds up."""
    given, made = claimed_tokens(raw, "prompt_tokens"), claimed_tokens(raw, _OUTPUT)
    if given is None or made is None:
        return None
    counts = {"input_tokens": given, "output_tokens": made}
    for name, group, key in _DETAILS:
        count = claimed_tokens(raw, group, key)
        if count:
            counts[name] = count
    return counts if _adds_up(counts) else None


def _adds_up(counts: dict[str, int]) -> bool:
    cached = counts.get("cache_read_tokens", 0) + counts.get("cache_write_tokens", 0)
    most = max(cached, counts.get("input_audio_tokens", 0))
    return most <= counts["input_tokens"] and (
        counts.get("output_audio_tokens", 0) <= counts["output_tokens"]
    )


@lru_cache(4096)  # looking a price up takes 0.1 ms, and many replies are alike
def _price(
    counts: tuple[tuple[str, int], ...], model: str, provider: str, tier: str | None
) -> Decimal | None:
    from genai_prices import Usage, calc_price

    context = {"service_tier": tier} if tier else None
    for provider_id in (provider, None):
        try:
            price = calc_price(
                Usage(**dict(counts)), model, provider_id=provider_id, price_context=context
            )
        except LookupError:
            continue
        except ValueError:
            # The list has a price that these counts do not fit.
            return None
        return price.total_price
    return None
