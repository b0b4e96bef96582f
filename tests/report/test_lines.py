"""Lines over epochs."""

from __future__ import annotations

from vistry.report.lines import Line, ValueAxis, over_epochs


def test_one_epoch_is_drawn() -> None:
    chart = over_epochs("Loss", ValueAxis("loss"), [Line("training", [(1, 0.3)]), Line("validation", [])], 1)
    assert "training: 0.3 at 1" in chart
    assert "validation" not in chart
    assert "nan" not in chart


def test_an_outlier_does_not_flatten_the_rest() -> None:
    chart = over_epochs(
        "Loss", ValueAxis("loss", from_zero=True, ceiling=2.0), [Line("validation", [(1, 900.0), (2, 1.0)])], None
    )
    assert "validation: 900 at 1" in chart
    assert ">2</text>" in chart
    assert ">900</text>" not in chart
