"""Methods that a path does not support, and every method on a task that does not exist."""

from tests.api.bad_inputs import ALL, AUTHORIZED, ONE, Case, cases, get, write
from tests.support.http.raw_http import request

METHODS = {
    ("PUT", ALL): "GET, HEAD, OPTIONS, POST",
    ("CONNECT", ALL): "GET, HEAD, OPTIONS, POST",
    ("PUT", f"{ALL}/"): "GET, HEAD, OPTIONS, POST",
    ("PATCH", ALL): "GET, HEAD, OPTIONS, POST",
    ("DELETE", ALL): "GET, HEAD, OPTIONS, POST",
    ("PURGE", ALL): "GET, HEAD, OPTIONS, POST",
    ("TRACE", ALL): "GET, HEAD, OPTIONS, POST",
    ("PROPFIND", ALL): "GET, HEAD, OPTIONS, POST",
    ("POST", ONE): "DELETE, GET, HEAD, OPTIONS, PATCH, PUT",
    ("PURGE", ONE): "DELETE, GET, HEAD, OPTIONS, PATCH, PUT",
    ("TRACE", ONE): "DELETE, GET, HEAD, OPTIONS, PATCH, PUT",
    ("GET", f"{ONE}/complete"): "OPTIONS, PATCH",
    ("HEAD", f"{ONE}/complete"): "OPTIONS, PATCH",
    ("POST", f"{ONE}/complete"): "OPTIONS, PATCH",
    ("PUT", f"{ONE}/complete"): "OPTIONS, PATCH",
    ("DELETE", f"{ONE}/complete"): "OPTIONS, PATCH",
    ("POST", "/livez"): "GET, HEAD, OPTIONS",
    ("GET", f"{ALL}/batch"): "OPTIONS, POST",
    ("DELETE", f"{ALL}/batch"): "OPTIONS, POST",
    ("PUT", f"{ALL}/batch"): "OPTIONS, POST",
    ("PATCH", f"{ALL}/batch"): "OPTIONS, POST",
    ("POST", f"{ALL}/changes"): "GET, HEAD, OPTIONS",
    ("PUT", f"{ALL}/changes"): "GET, HEAD, OPTIONS",
    ("PATCH", f"{ALL}/changes"): "GET, HEAD, OPTIONS",
    ("DELETE", f"{ALL}/changes"): "GET, HEAD, OPTIONS",
}
MISSING = f"{ALL}/{2**63 - 1}"
CHANGE = b'{"title":"a"}'
ABSENT = {
    "GET": get(MISSING),
    "HEAD": request("HEAD", MISSING, AUTHORIZED),
    "DELETE": request("DELETE", MISSING, AUTHORIZED),
    "PUT": write("PUT", MISSING, CHANGE),
    "PATCH": write("PATCH", MISSING, CHANGE),
    "complete": request("PATCH", f"{MISSING}/complete", AUTHORIZED),
    "complete, set": write("PATCH", f"{MISSING}/complete", b'{"completed":true}'),
}
CASES = [
    *(
        Case(
            f"method: {method} {target}", request(method, target), 405, "method_not_allowed", allow
        )
        for (method, target), allow in METHODS.items()
    ),
    *cases("no such task", ABSENT, 404, "task_not_found"),
    *cases("unknown path", {"OPTIONS of an asterisk": request("OPTIONS", "*")}, 404, "not_found"),
]
