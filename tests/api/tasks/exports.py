"""Made-up tasks in the shapes in which other applications export them, and as bodies of creates.

Each pair of functions is one application: the export of a to-do, and the conversion that a user
who moves here would write, without any repair of values.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Raw = Mapping[str, Any]


@dataclass(frozen=True)
class ToDo:
    """What a person wrote; ``due`` and ``done`` are local times, or days."""

    title: str
    notes: str = ""
    due: str | None = None
    done: str | None = None
    labels: tuple[str, ...] = ()
    priority: int = 0
    created: str = "2025-03-01T08:15:30.123456"


LINK = "https://example.com/a/very/long/path?with=parameters&and=more#fragment-of-it"
TO_DOS = (
    ToDo("Buy milk", due="2026-12-01"),
    ToDo("Call the dentist ☎️", due="2026-12-02T09:30:00", priority=2),
    ToDo("Zahnarzt für Jürgen anrufen", labels=("Haushalt", "Familie")),
    ToDo("買い物 🛒", "牛乳\n卵\nパン", labels=("家",)),
    ToDo("Купить билеты в театр", done="2025-06-01T18:00:00"),
    ToDo("اشتر الحليب", labels=("بيت",)),
    ToDo("לקנות חלב", due="2026-12-03"),
    ToDo("Café ☕ with Zoë", "Rue de l'Église 5"),
    ToDo("👨‍👩‍👧‍👦 family dinner", "bring 🍰", due="2026-12-24T18:00:00"),
    ToDo("Review PR #4711", LINK, labels=("work", "code review"), priority=3),
    ToDo("Windows notes", "first line\r\nsecond line\r\n", done="2025-04-02T10:00:00"),
    ToDo("Old Mac notes", "first line\rsecond line"),
    ToDo("Indented", "\t- one\n\t- two"),
    ToDo("**Markdown** _title_ `code`", "# Heading\n\n- [ ] one\n- [x] two\n\n> quote"),
    ToDo("<b>HTML</b> &amp; entities", "<p>Hello <a href='x'>you</a></p>"),
    ToDo("'; DROP TABLE task; --", 'Robert"); DROP TABLE students;--'),
    ToDo("=SUM(A1:A9)", "+1 -1 @x"),
    ToDo("Title with a trailing space ", " and notes with a leading one"),
    ToDo("C:\\Users\\me\\todo.txt", "\\\\server\\share"),
    ToDo("100 % done?", "50% of _all_", done="2025-05-05T05:05:05", priority=1),
    ToDo("x" * 246, "A title of 246 characters, the longest that was seen elsewhere."),
    ToDo("y" * 255),
    ToDo("A long story", "word " * 950),
    ToDo("Renew passport", due="2030-01-01", labels=("admin", "2030", "travel")),
    ToDo("Taxes", "Elster", due="2026-07-31T23:59:59", priority=3, labels=("money",)),
    ToDo("Water the plants", done="2024-02-29T23:30:00", created="2024-03-01T00:10:00"),
    ToDo("Backup", done="2025-01-01T00:00:00", created="2025-01-01T00:00:00"),
    ToDo("Library books", due="2026-11-01", done="2025-11-02T08:00:00"),
    ToDo("e\u0301te\u0301 in decomposed form"),
    ToDo("Zero\u200bwidth space inside"),
    ToDo("Many labels", labels=tuple(f"label {number}" for number in range(20))),
    ToDo("Emoji labels", labels=("🏠", "💼", "❤️")),
    ToDo("Old task", created="1999-12-31T23:59:59"),
    # What is refused, and why.
    ToDo("", "An empty title, which Google Tasks makes with every new line."),
    ToDo("\u200b\ufeff", "An invisible title"),
    ToDo("Pasted report", "z" * 16_384),
    ToDo("t" * 400, "A web page's whole title"),
    ToDo("Labelled to death", labels=tuple(f"label {number}" for number in range(27))),
    ToDo(
        "A sentence as a label", labels=("a whole sentence that a user put into one single label",)
    ),
    ToDo("First\nsecond line in the title"),
)
PRIORITIES = ("medium", "low", "medium", "high")


def body(todo: Raw, **members: Any) -> dict[str, Any]:
    """A create without the members that the export lacks."""
    return {name: value for name, value in members.items() if value not in (None, "", [])} | {
        "title": todo["title"]
    }


def todoist(todo: ToDo) -> Raw:
    """``/sync`` items: labels by name, 4 is the highest priority, due times have no offset."""
    due = todo.due and {"date": todo.due, "timezone": None, "is_recurring": False}
    return {
        "content": todo.title,
        "description": todo.notes,
        "priority": (1, 2, 3, 4)[todo.priority],
        "labels": list(todo.labels),
        "due": due,
        "checked": bool(todo.done),
        "completed_at": todo.done and f"{todo.done}Z",
        "added_at": f"{todo.created}Z",
    }


def from_todoist(raw: Raw) -> dict[str, Any]:
    """A local due time gets the offset of its user."""
    due = raw["due"] and raw["due"]["date"]
    return body(
        {"title": raw["content"]},
        description=raw["description"],
        priority={1: "medium", 2: "low", 3: "medium", 4: "high"}[raw["priority"]],
        due_date=f"{due}+01:00" if due and "T" in due else due,
        tags=raw["labels"],
        completed_at=raw["completed_at"],
        created_at=raw["added_at"],
    )


def google(todo: ToDo) -> Raw:
    """Takeout: due is a day at midnight, UTC; no labels, no priority."""
    return {
        "title": todo.title,
        "notes": todo.notes,
        "status": "completed" if todo.done else "needsAction",
        "due": todo.due and f"{todo.due[:10]}T00:00:00.000Z",
        "completed": todo.done and f"{todo.done}.000Z",
        "created": f"{todo.created[:19]}.000Z",
    }


def from_google(raw: Raw) -> dict[str, Any]:
    """The day of ``due``, since its time means nothing."""
    return body(
        raw,
        description=raw["notes"],
        due_date=raw["due"] and raw["due"][:10],
        completed_at=raw["completed"],
        created_at=raw["created"],
    )


def microsoft(todo: ToDo) -> Raw:
    """Graph ``todoTask``: seven digits of a second, the zone beside the time, CRLF in bodies."""
    due = todo.due and {"dateTime": f"{todo.due[:10]}T00:00:00.0000000", "timeZone": "UTC"}
    done = todo.done and {"dateTime": f"{todo.done}.0000000", "timeZone": "UTC"}
    return {
        "title": todo.title,
        "body": {"content": todo.notes.replace("\r\n", "\n").replace("\n", "\r\n")},
        "importance": ("normal", "low", "normal", "high")[todo.priority],
        "categories": list(todo.labels),
        "dueDateTime": due,
        "completedDateTime": done,
        "createdDateTime": f"{todo.created[:19]}.0000000Z",
    }


def from_microsoft(raw: Raw) -> dict[str, Any]:
    """The day of the due time; times are UTC."""
    due, done = raw["dueDateTime"], raw["completedDateTime"]
    return body(
        raw,
        description=raw["body"]["content"],
        priority={"normal": "medium"}.get(raw["importance"], raw["importance"]),
        due_date=due and due["dateTime"][:10],
        tags=raw["categories"],
        completed_at=done and f"{done['dateTime']}Z",
        created_at=raw["createdDateTime"],
    )


def vikunja(todo: ToDo) -> Raw:
    """Its export: year 1 for "none", labels as objects, descriptions in HTML."""
    return {
        "title": todo.title,
        "description": todo.notes and f"<p>{todo.notes}</p>",
        "done": bool(todo.done),
        "done_at": f"{todo.done}Z" if todo.done else "0001-01-01T00:00:00Z",
        "due_date": _time(todo.due) if todo.due else "0001-01-01T00:00:00Z",
        "priority": todo.priority,
        "labels": [{"title": label} for label in todo.labels] or None,
        "created": f"{todo.created[:19]}+02:00",
    }


def from_vikunja(raw: Raw) -> dict[str, Any]:
    """Year 1 is left out."""
    times = {
        name: None if raw[name].startswith("0001") else raw[name]
        for name in ("done_at", "due_date")
    }
    return body(
        raw,
        description=raw["description"],
        priority=PRIORITIES[raw["priority"]],
        due_date=times["due_date"],
        tags=[label["title"] for label in raw["labels"] or ()],
        completed_at=times["done_at"],
        created_at=raw["created"],
    )


def trello(todo: ToDo) -> Raw:
    """A board's cards: milliseconds, labels as objects, no time of creation or completion."""
    return {
        "name": todo.title,
        "desc": todo.notes,
        "due": todo.due and _time(todo.due).replace("Z", ".000Z"),
        "dueComplete": bool(todo.done),
        "labels": [{"name": label, "color": "green"} for label in todo.labels],
    }


def from_trello(raw: Raw) -> dict[str, Any]:
    """As it is."""
    return body(
        {"title": raw["name"]},
        description=raw["desc"],
        due_date=raw["due"],
        completed=raw["dueComplete"],
        tags=[label["name"] for label in raw["labels"]],
    )


def taskwarrior(todo: ToDo) -> Raw:
    """``task export``: compact ISO 8601 in UTC, tags without spaces, annotations for notes."""
    return {
        "description": todo.title,
        "annotations": [{"description": todo.notes}] if todo.notes else [],
        "status": "completed" if todo.done else "pending",
        "end": todo.done and _compact(todo.done),
        "due": todo.due and _compact(todo.due),
        "entry": _compact(todo.created),
        "priority": (None, "L", "M", "H")[todo.priority],
        "tags": [label.replace(" ", "_") for label in todo.labels],
    }


def from_taskwarrior(raw: Raw) -> dict[str, Any]:
    """Times are written as RFC 3339."""
    times = {name: raw[name] and _expand(raw[name]) for name in ("end", "due", "entry")}
    return body(
        {"title": raw["description"]},
        description="\n".join(note["description"] for note in raw["annotations"]),
        priority={"L": "low", "M": "medium", "H": "high"}.get(raw["priority"]),
        due_date=times["due"],
        tags=raw["tags"],
        completed_at=times["end"],
        created_at=times["entry"],
    )


def _time(due: str) -> str:
    return f"{due}Z" if "T" in due else f"{due}T12:00:00Z"


def _compact(time: str) -> str:
    return datetime.fromisoformat(time).strftime("%Y%m%dT%H%M%SZ")


def _expand(time: str) -> str:
    return datetime.strptime(time, "%Y%m%dT%H%M%S%z").isoformat()


APPLICATIONS: dict[str, tuple[Callable[[ToDo], Raw], Callable[[Raw], dict[str, Any]]]] = {
    "Todoist": (todoist, from_todoist),
    "Google Tasks": (google, from_google),
    "Microsoft To Do": (microsoft, from_microsoft),
    "Vikunja": (vikunja, from_vikunja),
    "Trello": (trello, from_trello),
    "Taskwarrior": (taskwarrior, from_taskwarrior),
}
