"""People, visits and flows against their truth."""

from __future__ import annotations

import pytest
from evaluation_ import TRUTH, visit

from edge.evaluate import Truth
from edge.evaluation import geh, people_score, visit_score

"""People, visits and flows against their truth, and the reports."""


@pytest.fixture
def zone():
    return Truth.model_validate(TRUTH).zones[0]


def test_geh_of_flows_in_an_hour():
    assert geh(1100, 1000, seconds=3600) == pytest.approx(3.086, abs=0.001)  # sqrt(2 * 100^2 / 2100)
    assert geh(275, 250, seconds=900) == pytest.approx(3.086, abs=0.001)
    assert geh(5, 5, seconds=60) == 0.0
    assert geh(0, 0, seconds=60) == 0.0


def test_people_score_by_its_definitions(zone):
    score = people_score(zone, [(0.0, 2.0), (1.02, 3.0), (2.0, 0.0), (3.0, 2.0)])
    assert (score.pictures, score.mae, score.bias) == (4, 0.75, -0.25)
    assert score.rmse == pytest.approx((5 / 4) ** 0.5)
    assert score.nae == pytest.approx((0.5 + 1.0) / 4)


def test_people_score_leaves_out_what_no_truth_is_near(zone):
    score = people_score(zone, [(5.0, 2.0), (10.1, 2.0), (10.5, 90.0), (600.0, 90.0)])
    assert (score.pictures, score.mae) == (2, 0.0)
    assert people_score(zone, [(600.0, 2.0)]) is None


def test_people_score_of_an_empty_zone_has_no_nae(zone):
    nobody = zone.model_copy(update={"people": ((0.0, 0), (1.0, 0))})
    assert people_score(nobody, [(0.0, 1.0)]).nae is None


def test_visit_score_matches_one_to_one_by_overlap():
    score = visit_score("z", [(1, 11), (20, 40)], [visit(1.5, 10), visit(2, 11.5), visit(19, 39.5), visit(50, 60)])
    assert (score.true, score.counted, score.found) == (2, 4, 2)
    assert score.dwell_errors == (pytest.approx(-0.5), pytest.approx(0.5))


def test_visit_score_of_halves_is_not_found():
    assert visit_score("z", [(0, 20)], [visit(0, 9), visit(11, 20)]).found == 0
