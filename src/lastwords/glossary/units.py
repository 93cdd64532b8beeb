"""Quantities in words."""

_BYTES = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))


def duration(seconds: float) -> str:
    """Seconds in the units that people think in.

    Example:
        >>> duration(93784.2)
        '1 d 2 h 3 min'
    """
    if abs(seconds) < 60:
        return f"{seconds:.1f} s" if abs(seconds) >= 1 else f"{seconds:.3f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h {minutes} min"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def size(number: int | None) -> str:
    """Bytes in the largest unit that leaves three figures.

    Example:
        >>> size(1703936)
        '1.62 MiB'
    """
    if number is None:
        return "-"
    for unit, factor in _BYTES:
        if number >= factor:
            value = number / factor
            return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f} {unit}"
    return f"{number} B"
