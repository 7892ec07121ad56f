"""What the service says of itself in `/openapi.json`, asked in every way that it allows and in many that it forbids."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode, checks

from soundgrep.ui.service.app import create_app
from soundgrep.ui.web.settings import Settings

from ..ui.conftest import Indexed

CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


@pytest.fixture(scope="module")
def schema(indexed: Indexed) -> Any:
    app = create_app(Settings(collections=(str(indexed.collection),), host="testserver"))
    return schemathesis.openapi.from_asgi("/openapi.json", app)


@pytest.mark.parametrize("n", [6, pytest.param(1_000, marks=pytest.mark.long)])
@pytest.mark.parametrize("mode", list(GenerationMode), ids=str)
def test_every_address_answers_as_described(schema: Any, mode: GenerationMode, n: int) -> None:
    asked: list[str] = []
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=n,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        @given(operation.as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            answer = case.call_and_validate(checks=CHECKS)
            asked.append(answer.request.url)
            if answer.status_code >= 400:
                assert set(answer.json()) == {"error"}

        with contextlib.suppress(Unsatisfiable):  # an address without parameters cannot be asked wrongly
            ask()
    assert len(asked) > 4 * n
