"""A release says what it was made to be ranked by, and the ranker reads just that."""

import pytest

from serving.inputs import SignatureMismatch, check_signature, inputs
from tests.serving.worlds import D, manifest
from training.assembly import signature


def test_the_ranker_reads_what_training_signs() -> None:
    assert inputs(64, 0) == set(signature(64))
    assert inputs(64, 8) == set(signature(64, 8)) > inputs(64, 0)


def test_a_release_of_this_signature_is_taken() -> None:
    check_signature(manifest(10).model_copy(update={"features": signature(D)}))


@pytest.mark.parametrize("features", [signature(D + 1), signature(D)[:2], ()])
def test_other_names_or_types_are_refused(features: tuple[object, ...]) -> None:
    with pytest.raises(SignatureMismatch, match="factors:"):
        check_signature(manifest(10).model_copy(update={"features": features}))
