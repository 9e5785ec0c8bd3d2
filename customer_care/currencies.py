"""Pure. Smallest units of currencies, by ISO 4217: what bills and payments count in."""

from iso4217 import Currency


def minor_digits(code: str) -> int | None:
    """Decimals of a currency's smallest unit; None = no currency of ISO 4217, or one without a smaller unit."""
    try:
        return Currency(code).exponent
    except ValueError:
        return None
