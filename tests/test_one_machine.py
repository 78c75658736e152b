"""Tests for what `deploy/one-machine` and the container file hold: they are run, as far as this machine can."""

import getpass
import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from handler.clock import utc_now
from handler.models import Delivery
from handler.server import Server
from handler.simulator import Memory
from handler.simulator import Simulator
from tests import fakes
from tests.fakes import ENVIRON
from tests.fakes import SHOP_SECRET
from tests.fakes import mercadopago_delivery
from tests.fakes import merchant_delivery
from tests.fakes import woocommerce_delivery
from tests.running import ROOT
from tests.running import Handler
from tests.running import environment
from tests.running import wait_until

FILES = ROOT / "deploy/one-machine"
HOST = "notify.example.com"

#: What Caddy would do beside serving: listen elsewhere, and have this machine trust it.
ALONE = "{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n}\n"


@pytest.fixture(scope="module")
def handler(serve: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Handler]:
    """A handler for a proxy to stand in front of."""
    memory = Memory(access_token=fakes.TOKEN, clock=utc_now)
    memory.add_payment()
    environ = {**ENVIRON, "WOOCOMMERCE_WEBHOOK_SECRET": SHOP_SECRET}
    running = Handler(tmp_path_factory.mktemp("handler"), serve(Simulator(memory).app).url, environ)
    yield running
    running.close()


@contextmanager
def running(command: list[str], folder: Path, port: int, **settings: str) -> Iterator[None]:
    """Run a proxy until it listens, and then as long as it is needed."""
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment(**settings), stdout=log, stderr=log)
    try:
        wait_until(lambda: _is_listening(port) or process.poll() is not None, 20)
        assert process.poll() is None, (folder / "log").read_text()
        yield
    finally:
        process.terminate()
        process.wait(20)


def _found(program: str) -> str:
    path = shutil.which(program)
    assert path
    return path


def _is_well(url: str, ca: Path) -> bool:
    """Whether the way is open, a certificate of the proxy's own making included."""
    with suppress(requests.RequestException):
        return requests.get(f"{url}/health", verify=str(ca), timeout=20).status_code == 200
    return False


def _is_listening(port: int) -> bool:
    with socket.socket() as door:
        return door.connect_ex(("127.0.0.1", port)) == 0


def post(url: str, ca: Path, delivery: Delivery) -> int:
    """Send a delivery over TLS that is checked; return the status."""
    address = f"{url}/notifications/{delivery.source}?{delivery.query}"
    answer = requests.post(address, data=delivery.body, headers=dict(delivery.headers), verify=str(ca), timeout=20)
    return answer.status_code


def assert_passed_on(url: str, ca: Path) -> None:
    """What is signed comes through a proxy as it was signed; what is not is refused behind it."""
    now = utc_now()
    order = json.dumps({"id": 7, "note": "é" * 400_000}, ensure_ascii=False).encode()
    upper = "ORD01JQ4S4KY8HWQ6NA5PXB65B3D3"
    genuine = [
        mercadopago_delivery(at=now),
        mercadopago_delivery(upper, at=now, query=f"client=a%2Fb&data.id={upper}&type=order&x=%C3%A9"),
        merchant_delivery({"type": "buyer.withdrew", "data": {"payment_id": "1319999001"}}, at=now),
        woocommerce_delivery(order, at=now),
    ]
    forged = mercadopago_delivery(at=now, secret="another" * 9)

    assert [post(url, ca, delivery) for delivery in genuine] == [200] * 4
    assert post(url, ca, forged) == 401
    hidden = requests.get(f"{url}/metrics", verify=str(ca), timeout=20)
    assert (hidden.status_code, hidden.headers.get("Content-Type") == "application/problem+json") == (404, False)
    assert requests.get(f"{url}/health", verify=str(ca), timeout=20).json() == {"status": "ok"}


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("nginx") or not shutil.which("openssl"), reason="nginx is not installed")
def test_nginx_passes_on_what_is_signed(handler: Handler, tmp_path: Path, free_port: int) -> None:
    """With the file as it is, but for names and ports."""
    port = free_port
    certificate, key = tmp_path / "fullchain.pem", tmp_path / "privkey.pem"
    request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    files = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([_found("openssl"), *request, *files], check=True, capture_output=True)
    server = (FILES / "nginx.conf").read_text()
    for ours, theirs in (
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        (f"server_name {HOST}", "server_name localhost"),
        (f"/etc/letsencrypt/live/{HOST}/fullchain.pem", str(certificate)),
        (f"/etc/letsencrypt/live/{HOST}/privkey.pem", str(key)),
        ("http://127.0.0.1:8080", handler.url),
    ):
        assert ours in server
        server = server.replace(ours, theirs)
    kept = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = " ".join(f"{name}_temp_path {tmp_path}/{name};" for name in kept)
    beside = f"user {getpass.getuser()}; pid {tmp_path}/pid; error_log stderr; daemon off; events {{}}"
    around = f"{beside} http {{ access_log off; {paths} {server} }}"
    (tmp_path / "nginx.conf").write_text(around)

    with running([_found("nginx"), "-c", str(tmp_path / "nginx.conf"), "-p", str(tmp_path)], tmp_path, port):
        assert_passed_on(f"https://localhost:{port}", certificate)


@pytest.mark.skipif(not shutil.which("caddy"), reason="Caddy is not installed")
def test_caddy_passes_on_what_is_signed(handler: Handler, tmp_path: Path, free_port: int) -> None:
    """The same."""
    port = free_port
    text = (FILES / "Caddyfile").read_text()
    assert f"\n{HOST} {{" in text
    text = text.replace(HOST, f"https://localhost:{port}").replace(
        "127.0.0.1:8080", handler.url.removeprefix("http://")
    )
    (tmp_path / "Caddyfile").write_text(ALONE + text)
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    ca = tmp_path / "caddy/pki/authorities/local/root.crt"

    with running([_found("caddy"), "run", "--config", "Caddyfile"], tmp_path, port, **home):
        wait_until(ca.exists)
        wait_until(lambda: _is_well(f"https://localhost:{port}", ca))
        assert_passed_on(f"https://localhost:{port}", ca)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_the_unit_of_systemd_is_understood(tmp_path: Path) -> None:
    """Every line of it, and what it starts is there."""
    unit = (FILES / "reserve-handler.service").read_text()
    command = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    assert command == ["/opt/reserve-handler/.venv/bin/python -m handler serve --port 8080"]
    file = tmp_path / "reserve-handler.service"
    file.write_text(unit.replace("/opt/reserve-handler/.venv/bin/python", sys.executable).replace("/opt/", "/"))

    told = subprocess.run([_found("systemd-analyze"), "verify", file], capture_output=True, text=True, check=False)

    assert "reserve-handler.service" not in told.stderr
    assert told.returncode == 0


@pytest.mark.slow
def test_the_container_holds_what_it_runs(serve: Callable[..., Server], tmp_path: Path, free_port: int) -> None:
    """What is copied is enough to serve, and what looks after its health says so."""
    text = (ROOT / "Dockerfile").read_text()
    folder = tmp_path / "app"
    (folder / "var").mkdir(parents=True)
    for source, place in re.findall(r"^COPY (\S+) (\S+)$", text, re.MULTILINE):
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, folder / place)
        else:
            shutil.copy(ROOT / source, folder / place)
    assert "!requirements.txt\n!handler\n" in (ROOT / ".dockerignore").read_text()
    entry, command, health = (
        json.loads(re.findall(rf"^{name} (\[.*\])$", text, re.MULTILINE)[0])
        for name in ("ENTRYPOINT", "CMD", "HEALTHCHECK CMD")
    )
    upstream = serve(Simulator(Memory(access_token=fakes.TOKEN, clock=utc_now)).app).url
    port = str(free_port)
    words = [port if word == "8080" else word for word in [sys.executable, *entry[1:], *command]]
    assert port in words
    settings = {**environment(**ENVIRON, MERCADOPAGO_API_URL=upstream), "PYTHONPATH": ""}

    process = subprocess.Popen(words, cwd=folder, env=settings, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        looked = [word.replace("8080", port) for word in [sys.executable, *health[1:]]]
        subprocess.run(looked, cwd=folder, check=True, timeout=20)
        assert (folder / "var/handler.sqlite3").exists()
    finally:
        process.terminate()
        process.communicate(timeout=30)
