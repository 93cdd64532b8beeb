"""Failed assertions in the module that the tests share say what they compared."""

import pytest

pytest.register_assert_rewrite("tests.klog.inputs.crash")
