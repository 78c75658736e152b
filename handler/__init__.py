"""Cancels Mercado Pago card reserves when a signed notification says that the purchase fell through."""

__version__ = "0.1.0"
