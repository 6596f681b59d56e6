"""Cursors that the API never issues."""

from base64 import urlsafe_b64encode


def cursor(document: str | bytes) -> str:
    """A cursor of this JSON; a valid one is ``[sort, order, key, id]``."""
    text = document.encode() if isinstance(document, str) else document
    return urlsafe_b64encode(text).rstrip(b"=").decode()


CREATED = '"created_at","desc"'
AT = '"2027-01-01T00:00:00Z"'
GOOD = cursor(f"[{CREATED},{AT},1]")
CURSORS = {
    "garbage": "canary",
    "not base64": "!!!!",
    "not ASCII": "%C3%A9",
    "NUL": "%00",
    "of 30,000 characters": "A" * 30_000,
    "with padding": f"{GOOD}%3D",
    "more after padding": f"{GOOD[:-2]}%3D%3D{GOOD[-2:]}",
    "a character of no alphabet": f"{GOOD[:8]}!{GOOD[8:]}",
    "the other alphabet": cursor(b'["created_at","desc","\xc3\xbf",1]').replace("_", "/"),
    "spare bits": cursor(f"[{CREATED},{AT},1] ")[:-1] + "B",
    "not JSON": cursor("canary"),
    "not UTF-8": cursor(b'["created_at","desc","\xff",1]'),
    "cut short": cursor(f"[{CREATED},{AT},1]")[:-9],
    "a number": cursor("1"),
    "null": cursor("null"),
    "an object": cursor('{"sort":"created_at","order":"desc","key":1,"id":1}'),
    "an empty array": cursor("[]"),
    "one member less": cursor(f"[{CREATED},{AT}]"),
    "one member more": cursor(f"[{CREATED},{AT},1,1]"),
    "another sort": cursor(f'["updated_at","desc",{AT},1]'),
    "an unknown sort": cursor(f'["canary","desc",{AT},1]'),
    "another order": cursor(f'["created_at","asc",{AT},1]'),
    "a list as sort": cursor(f'[["created_at"],"desc",{AT},1]'),
    "the id zero": cursor(f"[{CREATED},{AT},0]"),
    "a negative id": cursor(f"[{CREATED},{AT},-1]"),
    "the id 2^63": cursor(f"[{CREATED},{AT},{2**63}]"),
    "the id 10^400": cursor(f"[{CREATED},{AT},1{'0' * 400}]"),
    "a fraction as id": cursor(f"[{CREATED},{AT},1.0]"),
    "true as id": cursor(f"[{CREATED},{AT},true]"),
    "text as id": cursor(f'[{CREATED},{AT},"1"]'),
    "null as id": cursor(f"[{CREATED},{AT},null]"),
    "NaN as id": cursor(f"[{CREATED},{AT},NaN]"),
    "no time": cursor(f'[{CREATED},"canary",1]'),
    "no such day": cursor(f'[{CREATED},"2027-02-30",1]'),
    "the year 0000": cursor(f'[{CREATED},"0000-01-01",1]'),
    "a time before all time": cursor(f'[{CREATED},"0001-01-01T00:00:00+01:00",1]'),
    "a number as time": cursor(f"[{CREATED},1,1]"),
    "null as time": cursor(f"[{CREATED},null,1]"),
    "infinity as time": cursor(f'[{CREATED},"infinity",1]'),
    "nested 20,000 deep": cursor(f"[{CREATED},{'[' * 20_000}"),
}
OTHER_SORTS = {
    "NUL in a title": ("title", r'["title","asc","\u0000",1]'),
    "a lone surrogate in a title": ("title", r'["title","asc","\ud800",1]'),
    "a number as title": ("title", '["title","asc",1,1]'),
    "a list as title": ("title", '["title","asc",["a"],1]'),
    "an object as title": ("title", '["title","asc",{"a":"b"},1]'),
    "lists as title": ("title", '["title","asc",[["a"],[1]],1]'),
    "null as title": ("title", '["title","asc",null,1]'),
    "no such priority": ("priority", '["priority","desc","canary",1]'),
    "a rank as priority": ("priority", '["priority","desc",3,1]'),
    "a list as priority": ("priority", '["priority","desc",["low"],1]'),
    "no such due date": ("due_date", '["due_date","asc","2027-02-30",1]'),
    "true as due date": ("due_date", '["due_date","asc",true,1]'),
}
