"""How a language writes numbers and amounts of money."""

from decimal import Decimal

from handler.explain.catalog import Catalog


def number(value: Decimal | float, catalog: Catalog, decimals: int = 0) -> str:
    """Return a number with its thousands set apart."""
    marks = catalog["numbers"]
    return f"{value:,.{decimals}f}".translate(str.maketrans(",.", marks["thousands"] + marks["decimals"]))


def amount(value: Decimal | None, currency: str, catalog: Catalog) -> str:
    """Return an amount of money with two decimals, nothing for none."""
    return "" if value is None else f"{number(value, catalog, 2)} {currency}".rstrip()
