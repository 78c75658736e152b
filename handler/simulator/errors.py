"""What the pretend Mercado Pago refuses."""


class RefusedError(Exception):
    """Raised if Mercado Pago would answer an error: status, code and message as documented.

    The Payments API has numbers for codes, the Orders API words.
    """

    def __init__(self, status: int, code: int | str | None, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
