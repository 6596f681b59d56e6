"""The timeouts and limits of gunicorn, nginx and Compose fit together."""

import json
import re
import time
from http import HTTPStatus
from typing import Any

import pytest
from gunicorn.config import KNOWN_SETTINGS

from api.config.settings import Settings
from api.main import create_app
from api.problems.catalogue import RequestTimeout
from api.problems.problem import PHRASES, Problem
from api.tasks.batch_body import Batch
from deploy import worker
from tests.deploy.configuration import NGINX, block, directives, gunicorn, seconds, services
from tests.support.command import ROOT
from tests.support.http.server import make_settings

PROBLEMS = (ROOT / "deploy" / "nginx" / "problems.conf").read_text()
RETURNED = re.findall(r"return (\d+) '(.*)';", PROBLEMS)


def test_every_setting_is_known_to_gunicorn() -> None:
    known = {setting.name for setting in KNOWN_SETTINGS}
    imported = {"Any", "Path", "mark_process_dead", "os", "shutil"}
    imported |= {"allocator", "metric_files", "metrics", "settings"}

    assert set(gunicorn()) - imported - {"stdlib_config"} <= known


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("worker_class", "deploy.worker.Worker"),
        ("preload_app", True),
        ("max_requests", 0),
        ("backlog", 256),
        ("control_socket_disable", True),
        ("worker_tmp_dir", "/dev/shm"),  # noqa: S108, memory
        ("proxy_protocol", "off"),
        ("forwarded_allow_ips", "127.0.0.1,::1"),
        ("accesslog", None),
        ("workers", 2),
        ("reuse_port", False),
    ],
)
def test_gunicorn_settings(name: str, value: object) -> None:
    [default] = [setting.default for setting in KNOWN_SETTINGS if setting.name == name]

    assert gunicorn().get(name, default) == value


def test_worker_settings() -> None:
    set_up = dict(worker.Worker.CONFIG_KWARGS)

    assert set_up.pop("http").__name__ == "HttpProtocol"
    assert set_up == {
        "loop": "uvloop",
        "ws": "none",
        "lifespan": "on",
        "access_log": False,
        "proxy_headers": False,
        "server_header": False,
        "timeout_graceful_shutdown": worker.STOP_SECONDS,
    }


def test_task_routes_are_matched_first_and_routes_are_few() -> None:
    paths = [getattr(route, "path", "") for route in create_app(make_settings()).routes]
    tasks = [path for path in paths if path.startswith("/api/")]

    assert len(paths) < 60
    assert paths[: len(tasks)] == tasks != []


def test_each_timeout_is_longer_than_the_one_inside_it() -> None:
    named, compose = gunicorn(), services()
    asked, internal = directives("proxy_read_timeout")
    nested = [
        Settings.model_fields["request_deadline_seconds"].default,
        seconds(asked),
        worker.STOP_SECONDS,
        worker.STOP_SECONDS + worker.DRAIN_SECONDS,
        named["graceful_timeout"],
        named["timeout"],
        seconds(compose["api"]["stop_grace_period"]),
    ]

    assert nested == sorted(set(nested))
    assert seconds(asked) < seconds(internal)
    assert seconds(asked) < seconds(compose["nginx"]["stop_grace_period"])


def test_nginx_and_api_have_the_same_body_limit() -> None:
    bounds: list[Any] = Settings.model_fields["max_body_bytes"].metadata
    size, batch, probe = [text for text in directives("client_max_body_size") if text != "0"]

    assert [int(size.removesuffix("k")) * 1024] == [b.le for b in bounds if hasattr(b, "le")]
    assert directives("client_body_buffer_size") == [size, batch]
    assert int(batch.removesuffix("m")) * 2**20 == Batch.max_body_bytes
    assert probe == "1"


def test_the_bodies_of_batches_fill_half_of_the_files_of_nginx() -> None:
    [limit] = [
        words[1] for words in map(str.split, directives("limit_conn")) if words[0] == "batches"
    ]
    [files] = re.findall(r"size=(\d+)m", services()["nginx"]["tmpfs"][0])

    assert int(limit) * Batch.max_body_bytes <= int(files) * 2**20 / 2


def test_nginx_has_memory_for_all_that_its_limits_admit() -> None:
    [processes], [connections] = directives("worker_processes"), directives("worker_connections")
    [total] = [
        words[1] for words in map(str.split, directives("limit_conn")) if words[0] == "total"
    ]
    [files] = re.findall(r"size=(\d+)m", services()["nginx"]["tmpfs"][0])
    # An unfinished header, and an unread answer with gzip over HTTP/2, as nginx.conf says.
    needed = int(processes) * int(connections) * 48_000 + int(total) * 350_000

    assert needed + int(files) * 2**20 < int(services()["nginx"]["mem_limit"][:-1]) * 2**20


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ("Bearer aa.bb.cc", "cc"),
        ("bearer \t aa.bb." + "c" * 86 + " ", "c" * 42),
        ("Bearer cc", "cc"),
        ("Bearer ", None),
        # An attempt from each dot, and for each length, would take a third of a second in Python.
        ("bearer " + ("a" * 42 + ".") * 186 + " x", None),
    ],
)
def test_the_key_of_a_token_is_found_without_backtracking(value: str, key: str | None) -> None:
    [pattern] = re.findall(r'"~\*(\S*bearer\S*)"', NGINX)
    before = time.process_time()
    found = re.search(pattern.replace("(?<", "(?P<"), value, re.IGNORECASE)
    spent = time.process_time() - before

    assert (found and found["signature"]) == key
    assert spent < 0.1  # CPU seconds


def test_nginx_closes_idle_connections_before_a_draining_worker_does() -> None:
    api = block("upstream api")
    [kept] = directives("keepalive_timeout", api)

    assert seconds(kept) < worker.DRAIN_SECONDS < gunicorn()["keepalive"]
    assert directives("keepalive", api) == ["32"]


def test_nginx_resolves_the_api_again_and_skips_an_address_for_a_second_only() -> None:
    first, last = directives("server", block("upstream api"))

    assert first == "api:8000 resolve max_fails=1 fail_timeout=1s"
    assert last == "api:8000 resolve max_fails=0 backup"
    assert directives("zone", block("upstream api"))
    assert directives("resolver")[0].startswith("127.0.0.11 valid=1s")


def test_nginx_retries_reads_and_requests_of_which_nothing_was_sent() -> None:
    assert directives("proxy_next_upstream", block("location @write")) == [
        "http_502 non_idempotent"
    ]
    assert sorted(directives("proxy_next_upstream")) == [
        "error http_502",
        "error http_502",
        "http_502 non_idempotent",
        "http_502 non_idempotent",
        "off",
    ]
    assert directives("proxy_next_upstream_timeout") == ["3s"]
    assert "if ($request_method !~ ^(GET|HEAD|OPTIONS)$)" in NGINX
    assert "if ($upstream_bytes_sent ~ [1-9])" in block("location @failed")


def test_nginx_times_out_slow_clients() -> None:
    for name in ("client_header_timeout", "client_body_timeout"):
        assert directives(name) == ["10s"]
    public, internal = directives("send_timeout")
    assert public == "10s"
    assert seconds(internal) > seconds(public)
    assert directives("large_client_header_buffers") == ["4 8k", "4 16k"]
    assert directives("reset_timedout_connection") == ["on"]


@pytest.mark.parametrize("status", [status for status, _ in RETURNED])
def test_an_error_of_nginx_equals_the_one_of_the_api(status: str) -> None:
    [sent] = [json.loads(text) for code, text in RETURNED if code == status]
    problems: list[type[Problem]] = [Problem, RequestTimeout, *Problem.__subclasses__()]
    [*same] = [p for p in problems if (p.status, p.code) == (int(status), sent["code"])]

    assert same
    assert sent.pop("request_id") == "$req_id"
    assert sent == {
        "type": "about:blank",
        "title": PHRASES.get(int(status)) or HTTPStatus(int(status)).phrase,
        "status": int(status),
        "detail": same[0].detail,
        "code": same[0].code,
    }
