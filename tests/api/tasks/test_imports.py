"""Tasks as other applications export them are accepted as they are, or for a known reason not.

``python -m pytest -s tests/api/tasks/test_imports.py`` prints the shares and the reasons.
"""

from collections import Counter

from tests.api.tasks.exports import APPLICATIONS, TO_DOS
from tests.support.http.client import User

# Everything that is refused, by place and code, over all applications.
REFUSED = {
    ("title", "value_error"): 18,  # empty, invisible, or of two lines
    ("title", "string_too_long"): 6,
    ("description", "string_too_long"): 6,
    ("tags", "too_long"): 5,  # Google Tasks has no labels
    ("tags", "string_too_long"): 5,
}


def test_exported_tasks_are_accepted_unless_a_limit_says_otherwise(alice: User) -> None:
    accepted: Counter[str] = Counter()
    refused: Counter[tuple[str, str]] = Counter()
    for application, (export, convert) in APPLICATIONS.items():
        for todo in TO_DOS:
            sent = convert(export(todo))
            response = alice.post(alice.tasks, json=sent)
            if response.status_code == 201:
                accepted[application] += 1
                task = response.json()
                kept = sent.keys() - {"completed_at", "created_at"}
                assert {name: task[name] for name in kept} == {name: sent[name] for name in kept}
                assert task["completed"] == bool(todo.done)
            else:
                refused.update((e["loc"][1], e["code"]) for e in response.json()["errors"])

    total = len(APPLICATIONS) * len(TO_DOS)
    for application, count in accepted.items():
        print(f"{application:16} {count} of {len(TO_DOS)}")
    share = accepted.total() / total
    print(f"{'all':16} {accepted.total()} of {total}: {share:.1%}", dict(refused))
    assert total >= 200
    assert refused == REFUSED
    assert accepted.total() == total - sum(REFUSED.values())
