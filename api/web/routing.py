"""Routes that match whole paths."""

import re

from starlette.routing import BaseRoute, Route


def match_whole_paths(*routes: BaseRoute) -> list[BaseRoute]:
    r"""The routes, none of which matches a path that has one more newline at its end.

    Starlette's patterns end in ``$``, which in Python matches before a final newline as well. nginx
    compares whole paths, so ``/metrics%0A`` would pass what it does not let through.
    """
    for route in routes:
        if isinstance(route, Route) and route.path_regex.pattern.endswith("$"):
            route.path_regex = re.compile(rf"{route.path_regex.pattern[:-1]}\Z")
    return [*routes]
