import pytest

pytest.register_assert_rewrite("tests.deploy.kubernetes.requirements")
