"""When a picture need not be painted again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from interpviz.control.pictures import alike
from interpviz.core.results import FeatureMap

MAP = FeatureMap(np.array([[1.0, np.nan]], np.float32), (0.0, 1.0), ("a",), ("b", "c"))


def test_equal_values_in_another_array_are_alike():
    assert alike(MAP, replace(MAP, values=MAP.values.copy()))


def test_one_other_value_text_or_shape_is_not():
    assert not alike(MAP, replace(MAP, values=MAP.values + 1))
    assert not alike(MAP, replace(MAP, rows=("z",)))
    assert not alike(MAP, replace(MAP, values=MAP.values.T))
    assert not alike(MAP, None)
