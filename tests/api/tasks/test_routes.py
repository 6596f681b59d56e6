"""Routes are matched in order, so the most frequent ones come first."""

from starlette.routing import Route

from api.main import create_app
from tests.support.http.server import make_settings


def test_frequent_routes_are_matched_first() -> None:
    tasks, one = "/api/{user_id}/tasks", "/api/{user_id}/tasks/{id}"
    routes = [route for route in create_app(make_settings()).routes if isinstance(route, Route)]
    found = [(method, route.path) for route in routes for method in sorted(route.methods or ())]

    # A name must come before the id that stands at the same place.
    names = [("GET", f"{tasks}/changes"), ("GET", f"{tasks}/trash")]
    assert found[:2] == [("GET", tasks), ("POST", tasks)]
    assert [route for route in found if route not in names][2:4] == [
        ("GET", one),
        ("PATCH", f"{one}/complete"),
    ]
    own = [path for _, path in found if path.startswith(tasks)]
    assert own[-2:] == [f"{tasks}/", f"{tasks}/"]
