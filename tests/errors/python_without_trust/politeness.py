def is_polite(text: str) -> bool:
    return "요" in text
