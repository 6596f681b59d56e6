"""Critical lines of nginx's error log, which the edge exporter logs without the request."""

import json

import pytest

from observability.edge_exporter import log_failure

FULL_DISK = (
    b'<187>Nov 29 01:00:00 nginx: 2026/11/29 01:00:00 [crit] 7#7: *1 pwrite() "/tmp/proxy/1"'
    b" failed (28: No space left on device) while reading upstream, client: 192.0.2.1, server: ,"
    b' request: "GET /api/alice/tasks?search=canary HTTP/1.1"'
)
ACCESS = b'<190>Nov 29 01:00:00 nginx: {"event":"edge","path":"/ [crit] ","status":"404"}'


def test_a_full_disk_of_nginx_is_logged_without_the_request(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert log_failure(FULL_DISK)

    printed = capsys.readouterr().out
    assert "No space left on device" in json.loads(printed)["message"]
    assert "canary" not in printed


def test_a_line_of_the_access_log_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert not log_failure(ACCESS)
    assert capsys.readouterr().out == ""
