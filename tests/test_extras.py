"""What is not installed is said, with the extra that has it."""

import pytest

from optimlab.extras import needed


def test_the_error_says_who_needs_what_and_how_to_get_it():
    assert needed("numpy", "lab", "a table").__name__ == "numpy"
    message = 'a table needs no_such_module, which is not installed; python -m pip install "optimlab[lab]" installs it'
    with pytest.raises(ImportError) as caught:
        needed("no_such_module", "lab", "a table")
    assert str(caught.value) == message
