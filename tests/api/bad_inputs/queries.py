"""Invalid query strings of the list and of other operations."""

from tests.api.bad_inputs import ALL, AUTHORIZED, JSON, ONE, cases, get, write
from tests.api.bad_inputs.cursors import CURSORS, OTHER_SORTS, cursor
from tests.api.bad_inputs.times import INVALID_TIMES
from tests.support.http.raw_http import request

# Invalid values of every parameter that is an enumeration or a number.
WORDS = {
    "status": ["canary", "", "ALL", "Pending", "all,pending", "null", "true", "%00", "all%00"],
    "priority": ["canary", "", "LOW", "1", "low,high", "null", "%00", "high%20", "%EF%BD%8Cow"],
    "sort": ["canary", "", "id", "TITLE", "-title", "title%20desc", "due_at", "title;--", "%00"],
    "order": ["canary", "", "ASC", "descending", "-1", "asc%0A", "%00"],
    "limit": [
        *("canary", "", "0", "00", "01", "1001", "-1", "+1", "%2B1", "1_0", "1.0", "1e2", "0x10"),
        *("%201", "1%20", "1%0A", "1%00", "%EF%BC%91", "NaN", "Infinity", "null", "all"),
        *(str(2**63), "1" + "0" * 400, "9" * 5000),
    ],
}
TEXTS = {
    "an empty tag": "tag=",
    "a tag of white space": "tag=%20%E3%80%80",
    "a tag with NUL": "tag=a%00",
    "a tag with a bell": "tag=a%07",
    "a tag of 51 characters": "tag=" + "a" * 51,
    "21 tags": "&".join(f"tag=t{number}" for number in range(21)),
    "one bad tag of two": "tag=a&tag=",
    "a search of 201 characters": "search=" + "a" * 201,
    "a search of 60,000 characters": "search=" + "a" * 60_000,
    "a search with NUL": "search=a%00b",
    "a search with an escape character": "search=%1B[31m",
    "a search with a delete character": "search=%7F",
}
SHAPES = {
    "status twice": "status=all&status=all",
    "priority twice": "priority=low&priority=high",
    "search twice": "search=a&search=b",
    "due_before twice": "due_before=2027-01-01&due_before=2027-01-01",
    "due_from twice": "due_from=2027-01-01&due_from=2027-01-02",
    "sort twice": "sort=title&sort=title",
    "order twice": "order=asc&order=desc",
    "limit twice": "limit=1&limit=2",
    "limit twice, once encoded": "limit=1&%6Cimit=2",
    "cursor twice": "cursor=a&cursor=a",
    "a user": "user_id=bob",
    "a token": "access_token=canary",
    "a page": "page=1",
    "an offset": "offset=0",
    "another name of completed": "completed=true",
    "another name of tag": "tags=a",
    "another name of search": "q=a",
    "a capital": "Limit=1",
    "brackets": "limit[]=1",
    "a space after a name": "limit%20=1",
    "a method": "_method=DELETE",
    "an unknown name": "canary=1",
    "a name without a value": "canary",
    "a value without a name": "=1",
    "an equals sign": "=",
    "NUL as a name": "%00=1",
    "not UTF-8 as a name": "%ff=1",
    "not UTF-8 as a value": "search=%ff",
    "an overlong NUL": "search=%C0%80",
    "a lone surrogate": "search=%ED%A0%80",
    "half a character": "search=%E2%82",
    "a broken escape": "status=%zz",
    "a semicolon between": "status=all;order=asc",
    "a query in the query": "?status=all",
    "9,000 unknown names": "&".join(f"a{number}=" for number in range(9_000)),
    "8,000 times a known name": "&".join(["limit=1"] * 8_000),
}
LISTS = {
    **{f"{name}={value[:30]}": f"{name}={value}" for name in WORDS for value in WORDS[name]},
    **TEXTS,
    **SHAPES,
    **{f"due_before: {name}": f"due_before={sent}" for name, sent in INVALID_TIMES.items()},
    "due_from: no offset": "due_from=2027-01-01T00:00:00",
    "due_from: no such day": "due_from=2027-02-29",
    "due_from: empty": "due_from=",
    "due_after, which due_from replaced": "due_after=2027-01-01",
    "a search of 11 words": "search=a+b+c+d+e+f+g+h+i+j+k",
    "a search of 100 words": "search=" + "+".join(["a"] * 100),
    **{f"cursor: {name}": f"cursor={sent}" for name, sent in CURSORS.items()},
    **{
        f"cursor: {name}": f"sort={sort}&cursor={cursor(sent)}"
        for name, (sort, sent) in OTHER_SORTS.items()
    },
}
CHANGE = b'{"title":"a"}'
OTHER_OPERATIONS = {
    "read": get(f"{ONE}?canary=1"),
    "create": write("POST", f"{ALL}?user_id=bob", CHANGE),
    "put": write("PUT", f"{ONE}?upsert=1", CHANGE),
    "patch": write("PATCH", f"{ONE}?limit=1", CHANGE),
    "delete": request("DELETE", f"{ONE}?force=1", AUTHORIZED),
    "complete": request("PATCH", f"{ONE}/complete?completed=true", AUTHORIZED, JSON),
}
MALFORMED_TARGETS = {
    "a space": get(f"{ALL}?search=a b"),
    "a tab": get(f"{ALL}?search=a\tb"),
    "a byte that is not ASCII": get(f"{ALL}?search=\xe9"),
    "NUL as it is": get(f"{ALL}?search=\0"),
}
CASES = [
    *cases(
        "query", {name: get(f"{ALL}?{sent}") for name, sent in LISTS.items()}, 422, "validation"
    ),
    *cases("query of", OTHER_OPERATIONS, 422, "validation"),
    *cases("query", MALFORMED_TARGETS, 400, "invalid_request"),
]
