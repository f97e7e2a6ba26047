"""Random numbers as polars expressions: each a pure function of a row's own key and of what is drawn.

Why not the `random` module: a demo centre has hundreds of thousands of calls and a benchmark millions, each with some
twenty draws, and a Python loop over them would take longer than loading them. Why not the hash of polars: it may change
with every release, and a seed should mean the same centre next year. Because a draw depends on nothing but its key, the
rows of a day are the same however the days are cut into chunks.
"""

import math

import polars as pl

_GOLDEN = 0x9E3779B97F4A7C15
_WORD = 2**64


def _u64(value: int) -> pl.Expr:
    return pl.lit(value % _WORD, dtype=pl.UInt64)


def mixed(key: pl.Expr) -> pl.Expr:
    """Scatter the bits of a key.

    Args:
        key: any UInt64 expression.

    Returns:
        A UInt64 expression; different keys give different values.

    Source:
        The finalizer of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
    """
    # Column by column, not as one expression: each step uses its input twice, so a tree of them would double each time.
    return key.map_batches(_finalized, return_dtype=pl.UInt64, is_elementwise=True)


def _finalized(key: pl.Series) -> pl.Series:
    key = (key ^ (key // (1 << 30))) * 0xBF58476D1CE4E5B9
    key = (key ^ (key // (1 << 27))) * 0x94D049BB133111EB
    return key ^ (key // (1 << 31))


def keyed(*parts: pl.Expr, seed: int) -> pl.Expr:
    """Make the key of a row from a seed and the integers that name the row.

    Args:
        parts: integer expressions, not negative, in an order that matters.
        seed: any whole number.

    Returns:
        A UInt64 expression.
    """
    key = mixed(_u64(seed * _GOLDEN + 1))
    for part in parts:
        key = mixed(key + (part.cast(pl.UInt64) + _u64(1)) * _u64(_GOLDEN))
    return key


def uniform(key: pl.Expr, *, stream: int) -> pl.Expr:
    """Draw evenly between 0 and 1, both excluded.

    Args:
        key: the row's key, from `keyed`.
        stream: which draw of the row this is; equal streams of one row are equal numbers.

    Returns:
        A Float64 expression.
    """
    bits = mixed(key + _u64((stream + 1) * _GOLDEN))
    return ((bits // _u64(1 << 11)).cast(pl.Float64) + 0.5) / float(1 << 53)


def chance(key: pl.Expr, *, stream: int, of: pl.Expr | float) -> pl.Expr:
    """Draw yes or no.

    Args:
        key: the row's key, from `keyed`.
        stream: which draw of the row this is.
        of: how likely a yes is, from 0 to 1.

    Returns:
        A Boolean expression.
    """
    return uniform(key, stream=stream) < of


def normal(key: pl.Expr, *, stream: int) -> pl.Expr:
    """Draw from the standard normal distribution.

    Args:
        key: the row's key, from `keyed`.
        stream: which draw of the row this is.

    Returns:
        A Float64 expression, by the Box-Muller transform.
    """
    radius = (uniform(key, stream=stream).log() * -2.0).sqrt()
    return radius * (uniform(key, stream=stream + 1_000) * (2 * math.pi)).cos()


def log_normal(key: pl.Expr, *, stream: int, median: pl.Expr, sigma: pl.Expr | float) -> pl.Expr:
    """Draw from a log-normal distribution.

    Args:
        key: the row's key, from `keyed`.
        stream: which draw of the row this is.
        median: the median of the result, in the result's unit.
        sigma: the standard deviation of the result's natural logarithm.

    Returns:
        A Float64 expression above 0.
    """
    return median * (normal(key, stream=stream) * sigma).exp()


def exponential(key: pl.Expr, *, stream: int, mean: pl.Expr) -> pl.Expr:
    """Draw from an exponential distribution.

    Args:
        key: the row's key, from `keyed`.
        stream: which draw of the row this is.
        mean: the mean of the result, in the result's unit.

    Returns:
        A Float64 expression above 0.
    """
    return uniform(key, stream=stream).log() * -1.0 * mean


def choice(key: pl.Expr, *, stream: int, of: pl.Expr | int) -> pl.Expr:
    """Draw one of the whole numbers 0, 1, … `of` - 1.

    Args:
        key: the row's key, from `keyed`.
        stream: which draw of the row this is.
        of: how many there are, at least 1.

    Returns:
        An Int64 expression.
    """
    return (uniform(key, stream=stream) * of).floor().cast(pl.Int64)
