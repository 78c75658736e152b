"""Tests for handler.notices.mail: real SMTP, in the clear on this machine only, else over TLS."""

import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email import policy
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from handler.config import SmtpServer
from handler.errors import NoticeError
from handler.models import NoticeKind
from handler.notices.channel import Message
from handler.notices.mail import Mail
from handler.notices.words import catalog_of
from tests.fakes import NOW
from tests.fakes import purchase_target
from tests.test_notices import notice

USER, PASSWORD = "seller", "a-mail-password"
OPENSSL = shutil.which("openssl")


class Mailbox:
    """What a mail server took; `refuses` is how it answers instead."""

    def __init__(self, refuses: str = "") -> None:
        self.letters: list[Any] = []
        self.recipients: list[str] = []
        self.refuses = refuses

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - as aiosmtpd has it
        if self.refuses:
            return self.refuses
        self.letters.append(message_from_bytes(envelope.content, policy=policy.default))
        self.recipients += envelope.rcpt_tos
        return "250 OK"


class Encrypted(Controller):
    """A server that speaks TLS from the start; it knocks at its own door without looking at the certificate."""

    def _trigger_server(self) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection((self.hostname, self.port), 5) as plain, context.wrap_socket(plain) as door:
            assert door.recv(3) == b"220"


def allows(_server: Any, _session: Any, _envelope: Any, _mechanism: Any, given: Any) -> AuthResult:
    return AuthResult(success=(given.login, given.password) == (USER.encode(), PASSWORD.encode()), handled=False)


@contextmanager
def listening(mailbox: Mailbox, port: int, kind: type[Controller] = Controller, **options: Any) -> Iterator[None]:
    controller = kind(mailbox, hostname="127.0.0.1", port=port, **options)
    controller.start()
    yield
    controller.stop(no_assert=True)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Callable[[], ssl.SSLContext]]:
    """What the server shows, and how it is believed."""
    if OPENSSL is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    key, chain = folder / "key.pem", folder / "chain.pem"
    request = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=mail",
    ]
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(chain)]
    subprocess.run([OPENSSL, *request, *names], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, key)
    return context, lambda: ssl.create_default_context(cafile=Path(chain))


class NotLocal(SmtpServer):
    """A server that is somewhere else, as far as anybody knows."""

    @property
    def is_local(self) -> bool:
        """No."""
        return False


def mail(server: SmtpServer, language: str = "en", **options: Any) -> Mail:
    return Mail(server, "me@shop.example", "handler@shop.example", catalog_of(language), lambda: NOW, **options)


def test_a_mail_tells_what_needs_a_person(free_port: int) -> None:
    """From whom, to whom, about what, marked as made by a machine."""
    mailbox = Mailbox()
    message = Message([notice(kind=NoticeKind.CAPTURED, channel="email")])
    with listening(mailbox, free_port):
        mail(SmtpServer("127.0.0.1", free_port, is_encrypted=False)).send(message)

    (letter,) = mailbox.letters
    assert mailbox.recipients == ["me@shop.example"]
    assert (letter["From"], letter["To"]) == ("handler@shop.example", "me@shop.example")
    assert letter["Subject"].startswith("payment:1319999999: the purchase fell through, but the money had been taken")
    assert letter["Message-ID"] == f"<{message.id}@shop.example>"
    assert letter["Auto-Submitted"] == "auto-generated"
    text = letter.get_content()
    assert "(50.00 BRL). Decide about a refund." in text
    assert "python -m handler explain TARGET" in text


def test_many_are_one_mail_in_the_language_of_the_settings(free_port: int) -> None:
    """The first fifty of them."""
    mailbox = Mailbox()
    with listening(mailbox, free_port):
        mail(SmtpServer("127.0.0.1", free_port, is_encrypted=False), "es").send(
            Message([notice(number) for number in range(60)])
        )

    (letter,) = mailbox.letters
    assert letter["Subject"] == "Reservas de tarjeta: 60 asuntos por revisar"
    assert letter.get_content().count("no se pudo liberar la reserva") == 50
    assert "… y 10 más" in letter.get_content()


def test_a_server_elsewhere_is_spoken_to_over_tls_only(free_port: int, certificate: Any) -> None:
    """STARTTLS, then the password; one that cannot is told nothing."""
    theirs, ours = certificate
    mailbox, server = Mailbox(), NotLocal("127.0.0.1", free_port, False, USER, PASSWORD)
    with listening(mailbox, free_port, tls_context=theirs, require_starttls=True, authenticator=allows):
        mail(server, context=ours).send(Message([notice()]))
        with pytest.raises(NoticeError, match="did not take a mail: SSLCertVerificationError"):
            mail(server).send(Message([notice()]))
        with pytest.raises(NoticeError, match="did not take a mail: SMTPAuthenticationError"):
            mail(NotLocal("127.0.0.1", free_port, False, USER, "wrong"), context=ours).send(Message([notice()]))
    assert len(mailbox.letters) == 1

    plain = Mailbox()
    with listening(plain, free_port), pytest.raises(NoticeError, match="SMTPNotSupportedError"):
        mail(server, context=ours).send(Message([notice()]))
    assert plain.letters == []


def test_a_server_can_be_encrypted_from_the_start(free_port: int, certificate: Any) -> None:
    """As most are today."""
    theirs, ours = certificate
    mailbox = Mailbox()
    with listening(mailbox, free_port, Encrypted, ssl_context=theirs):
        mail(SmtpServer("127.0.0.1", free_port, is_encrypted=True), context=ours).send(Message([notice()]))

    assert len(mailbox.letters) == 1


@pytest.mark.parametrize("answer", ["451 later", "550 never"])
def test_a_mail_that_is_not_taken_is_tried_again(free_port: int, answer: str) -> None:
    """Whatever the server says: a mailbox that is full is emptied some day."""
    with listening(Mailbox(answer), free_port), pytest.raises(NoticeError, match="SMTPDataError"):
        mail(SmtpServer("127.0.0.1", free_port, is_encrypted=False)).send(Message([notice()]))


class Rude(Mailbox):
    """A server that takes a mail, and says goodbye badly."""

    async def handle_QUIT(self, _server: Any, _session: Any, _envelope: Any) -> str:  # noqa: N802 - as aiosmtpd has it
        return "421 go away"


def test_what_was_taken_is_taken(free_port: int) -> None:
    """However the server says goodbye."""
    mailbox = Rude()
    with listening(mailbox, free_port):
        mail(SmtpServer("127.0.0.1", free_port, is_encrypted=False)).send(Message([notice()]))

    assert len(mailbox.letters) == 1


def test_what_no_mail_can_hold_is_an_error_like_any(free_port: int) -> None:
    """A subject of two lines would be another header."""
    broken = notice(kind=NoticeKind.FRAUD, target=purchase_target("a\nBcc: x@evil.example"))
    with listening(Mailbox(), free_port), pytest.raises(NoticeError, match="ValueError"):
        mail(SmtpServer("127.0.0.1", free_port, is_encrypted=False)).send(Message([broken]))


def test_a_server_that_is_not_there_is_an_error_like_any(free_port: int) -> None:
    """Told without what the password is."""
    server = SmtpServer("127.0.0.1", free_port, is_encrypted=False, user=USER, password=PASSWORD)

    with pytest.raises(NoticeError, match="ConnectionRefusedError"):
        mail(server).send(Message([notice()]))
    assert PASSWORD not in repr(mail(server))
