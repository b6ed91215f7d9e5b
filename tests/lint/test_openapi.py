"""docs/openapi.yaml is the route table: each route, what it does, which roles it is for, how the area is judged; and it is sound."""

import re

import yaml

from house import TOP, routes

PAGE = yaml.safe_load((TOP / "docs" / "openapi.yaml").read_text(encoding="utf-8"))
METHODS = ("get", "put", "post", "delete")


def operations():
    return {(method.upper(), path): operation for path, item in PAGE["paths"].items() for method, operation in item.items()}


def expected(route):
    who = ["everybody"] if route.is_open else list(route.roles) or ["control-socket"]
    return {"summary": route.doc, "x-roles": who, "x-area": route.area, **({"x-confirm": True} if route.asks_password else {}),
            "security": [] if who[0] in ("everybody", "control-socket") else [{"session": []}, {"token": []}]}


def test_each_route_is_there_as_the_table_has_it():
    there, wrong = operations(), []
    for route in routes():
        operation = there.pop((route.method, route.path), None)
        seen = {key: operation[key] for key in ("summary", "x-roles", "x-area", "x-confirm", "security") if key in operation} if operation else None
        if seen != expected(route):
            wrong.append(f"{route.method} {route.path} must have {expected(route)}, has {seen}")
    wrong += [f"{method} {path} is no route" for method, path in there]
    assert not wrong, "docs/openapi.yaml and daemon/api/routes.c differ:\n" + "\n".join(wrong)


def refs(node):
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from refs(value)
    elif isinstance(node, list):
        for value in node:
            yield from refs(value)


def test_references_lead_somewhere_and_all_is_used():
    used = set(refs(PAGE))
    there = {f"#/components/{kind}/{name}" for kind in ("schemas", "parameters", "responses") for name in PAGE["components"][kind]}
    assert used - there == set()
    assert there - used == set()


def parameters(operation):
    for parameter in operation.get("parameters", []):
        yield PAGE["components"]["parameters"][parameter["$ref"].rsplit("/", 1)[1]] if "$ref" in parameter else parameter


def test_query_parameters_are_those_of_the_table():
    wrong = []
    for route in routes():
        described = sorted(parameter["name"] for parameter in parameters(operations()[route.method, route.path]) if parameter["in"] == "query")
        if described != sorted(route.query):
            wrong.append(f"{route.method} {route.path} takes {sorted(route.query)}, described are {described}")
    assert not wrong, "\n".join(wrong)


def test_parameters_and_answers():
    wrong = []
    for (method, path), operation in operations().items():
        names = [(parameter["in"], parameter["name"]) for parameter in parameters(operation)]
        here = f"{method} {path}"
        if {name for place, name in names if place == "path"} != set(re.findall(r"\{(\w+)\}", path)):
            wrong.append(f"{here}: the parameters of the path")
        if len(names) != len(set(names)):
            wrong.append(f"{here}: a parameter twice")
        if method != "GET" and operation["security"] and ("header", "X-CSRF-Token") not in names:
            wrong.append(f"{here}: X-CSRF-Token")
        if method == "POST" and ("header", "Idempotency-Key") not in names:
            wrong.append(f"{here}: Idempotency-Key")
        answers = operation["responses"]
        if not any(code.startswith("2") for code in answers) or (operation["security"] and not {"401", "403"} <= set(answers)):
            wrong.append(f"{here}: answers {sorted(answers)}")
    ids = [operation["operationId"] for operation in operations().values()]
    assert len(ids) == len(set(ids))
    assert not wrong, "\n".join(wrong)


def schemas(node):
    if isinstance(node, dict):
        if node.get("type") == "object":
            yield node
        for value in node.values():
            yield from schemas(value)
    elif isinstance(node, list):
        for value in node:
            yield from schemas(value)


def test_what_is_required_is_described():
    assert not [schema for schema in schemas(PAGE) if set(schema.get("required", ())) - set(schema.get("properties", ()))]


def test_only_what_http_and_openapi_know():
    assert PAGE["openapi"].startswith("3.0.")
    assert {method for item in PAGE["paths"].values() for method in item} <= set(METHODS)
