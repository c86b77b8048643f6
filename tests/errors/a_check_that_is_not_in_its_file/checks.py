raise SystemExit("it was run")


def is_polit(text: str) -> bool:
    return "요" in text
