"""The words of --learner: what they become, and what is said of others."""

import pytest
from learner_chips import small_model
from onnx import save

from lutwright.emit.project import features_for_hardware
from lutwright.errors import BadLearner, BadOption
from lutwright.frontend.translate import import_model
from lutwright.learn import views
from lutwright.learn.backbone import feature_graph
from lutwright.learn.wish import LearnerWish, parse_learner

EXAMPLE = "Say for instance classes=10,subspaces=8,anchors=4."
FEW = "classes=5,subspaces=8,anchors=2"


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    path = tmp_path_factory.mktemp("wish") / "small.onnx"
    save(small_model(), path)
    return features_for_hardware(feature_graph(import_model(path)))


def test_words():
    assert parse_learner("classes=10,subspaces=8,anchors=4") == LearnerWish(10, 8, 4)
    assert parse_learner(
        "views=flip, image=32x40,anchors=1,seed=9,lanes=2,count_bits=7,fraction_bits=0,distance=l2,"
        "policy=round-robin,classes=3 , subspaces=6,features=pool"
    ) == LearnerWish(3, 6, 1, "round-robin", "l2", 0, 7, 2, 9, "flip", (32, 40), "pool")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "colour=3",
            "words must be among classes, subspaces, anchors, policy, distance, fraction_bits, count_bits, lanes, "
            f"seed, views, image, features, not 'colour'. {EXAMPLE}",
        ),
        ("", "words must be among"),
        (f"{FEW},", "not ''"),
        (f"{FEW},lanes", "'lanes' must have a value, not none. Say lanes=VALUE."),
        (f"{FEW},lanes=", "'lanes' must have a value, not none. Say lanes=VALUE."),
        (f"{FEW},lanes=two", "'lanes' must be a number, not 'two'."),
        (f"{FEW},lanes=-1", "'lanes' must be a number, not '-1'."),
        (f"{FEW},seed=1.5", "'seed' must be a number, not '1.5'."),
        (f"{FEW},seed=" + "9" * 5000, "'seed' must be a number"),
        (f"{FEW},anchors=3", "'anchors' must be said once, not twice."),
        (f"{FEW},policy=best", "'policy' must be one of weighted, round-robin, random, nearest, not 'best'."),
        (f"{FEW},distance=l3", "'distance' must be one of l1, l2, not 'l3'."),
        (f"{FEW},views=20crop", "'views' must be one of 1, flip, 5crop, 10crop, not '20crop'."),
        (f"{FEW},image=32", "'image' must be ROWSxCOLUMNS, not '32'. Say for instance image=32x32."),
        (f"{FEW},image=0x5", "'image' must be ROWSxCOLUMNS, not '0x5'."),
        ("classes=5,anchors=2", f"'subspaces' must be said, not missing. {EXAMPLE}"),
    ],
)
def test_what_is_no_learner(text, told):
    with pytest.raises(BadOption) as error:
        parse_learner(text)
    assert str(error.value).startswith("--learner: ") and told in str(error.value)


def test_parameters_follow_the_features(graph):
    config = parse_learner(f"{FEW},views=10crop,image=9x9,lanes=4").config(graph)
    assert (config.features, config.feature_bits, config.signed, config.versions) == (24, 4, False, 10)
    assert (config.classes, config.subspaces, config.anchors) == (5, 8, 2)


def test_views(graph):
    assert parse_learner(FEW).made_views(graph) is None
    assert parse_learner(f"{FEW},image=6x5").made_views(graph) is None
    assert parse_learner(f"{FEW},image=8x7").made_views(graph) == views("1", (8, 7), (6, 5))
    assert parse_learner(f"{FEW},views=flip").made_views(graph) == views("flip", (6, 5))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("subspaces=7", "'subspaces' must divide the 24 features, not 7. There are 1, 2, 3, 4, 6, 8, 12, 24."),
        ("subspaces=0", "'subspaces' must divide the 24 features, not 0."),
        ("subspaces=6,lanes=4", "'lanes' must divide the 6 subspaces, not 4. There are 1, 2, 3, 6."),
        ("subspaces=8,image=5x9", "image must be 6x5 or larger, for the network takes that, not 5x9."),
    ],
)
def test_what_does_not_suit_the_features(words, told, graph):
    with pytest.raises(BadOption) as error:
        parse_learner(f"classes=5,anchors=2,{words}").config(graph)
    assert str(error.value).startswith(f"--learner: {told}")


def test_a_learner_that_cannot_be(graph):
    with pytest.raises(BadLearner, match="classes must be an integer of 1"):
        parse_learner("classes=0,subspaces=8,anchors=2").config(graph)


def test_views_of_what_is_no_image(tmp_path):
    from small_models import Net

    net = Net((12,))
    x = net.act(net.add("MatMul", net.start(), net.weights(12, 8)), 0.5)
    save(net.model(net.add("MatMul", x, net.weights(8, 3))), tmp_path / "vector.onnx")
    graph = features_for_hardware(feature_graph(import_model(tmp_path / "vector.onnx")))
    assert parse_learner(FEW).config(graph).versions == 1
    for words in ("views=flip", "image=3x4"):
        with pytest.raises(BadOption) as error:
            parse_learner(f"{FEW},{words}").made_views(graph)
        assert str(error.value) == (
            "--learner: views and image need a network that takes images, not 12. Leave them out."
        )
