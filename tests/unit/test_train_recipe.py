"""Recipes: what is accepted, and what a wrong one is told."""

import pytest

from lutwright import resources
from lutwright.errors import BadRecipe
from lutwright.train.recipe import Dense, Mux, load_recipe

GOOD = (resources.room("examples") / "recipes" / "mnist-mux.toml").read_text()


def refused(tmp_path, text):
    path = tmp_path / "x.toml"
    path.write_text(text)
    with pytest.raises(BadRecipe) as caught:
        load_recipe(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_built_in_by_name():
    recipe = load_recipe("mnist-mux")
    assert recipe.name == "mnist-mux" and recipe.input_bits == 4
    assert [type(layer) for layer in recipe.layers].count(Mux) == 2 and isinstance(recipe.layers[-1], Dense)


def test_norm_and_hold_may_be_left_out(tmp_path):
    lines = [line for line in GOOD.splitlines() if not line.startswith(("norm", "hold"))]
    (tmp_path / "x.toml").write_text("\n".join(lines))
    recipe = load_recipe(tmp_path / "x.toml")
    assert recipe.norm == "batch" and recipe.schedule.hold == 0.0


def test_path_equals_name(tmp_path):
    (tmp_path / "copy.toml").write_text(GOOD)
    assert load_recipe(tmp_path / "copy.toml") == load_recipe("mnist-mux")


def test_classes_may_be_some():
    assert load_recipe("mnist-mux").classes is None
    assert load_recipe("mnist-mux-six").classes == (0, 1, 2, 3, 4, 5)


def test_unknown_name():
    with pytest.raises(BadRecipe, match=r"recipe 'nosuch': must be one of the built-in names \(.*mnist-mux"):
        load_recipe("nosuch")


def test_missing_file(tmp_path):
    with pytest.raises(BadRecipe, match="must be a readable file, not No such file"):
        load_recipe(tmp_path / "x.toml")


def test_not_toml(tmp_path):
    assert "must be TOML" in refused(tmp_path, "name = ")


def test_not_utf8(tmp_path):
    (tmp_path / "x.toml").write_bytes(b"name = '\xff'")
    with pytest.raises(BadRecipe, match="must be TOML in UTF-8"):
        load_recipe(tmp_path / "x.toml")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('name = "mnist-mux"', 'name = "../up"', "key 'name'"),
        ("seed = 1", "seed = -1", "key 'seed': input should be greater than or equal to 0, not -1"),
        ("seed = 1", "seed = 1\nsead = 2", "key 'sead': extra inputs are not permitted, not 2"),
        ("seed = 1\n", "", "key 'seed': field required"),
        ("input_bits = 4", "input_bits = 9", "key 'input_bits'"),
        ("seed = 1", "seed = 1\nclasses = [3]", "key 'classes': tuple should have at least 2 items"),
        ("seed = 1", "seed = 1\nclasses = [3, -1]", "key 'classes.1': input should be greater than or equal to 0"),
        ("seed = 1", "seed = 1\nclasses = [3, 4, 3]", "classes must all differ"),
        ("input_bits = 4", 'input_bits = "4"', "key 'input_bits': input should be a valid integer"),
        ("power-of-two-shared", "power-of-three", "key 'norm': input should be 'batch', 'power-of-two' or"),
        ("hold = 0.5", "hold = 1.5", "key 'schedule.hold': input should be less than or equal to 1, not 1.5"),
        ("lr = 0.01", "lr = nan", "key 'schedule.lr'"),
        ("t_init = 1.0", "t_init = 1000.0", "key 'attention': t_final must be at least t_init"),
        ("out = 8", "out = 8\nkernel = 4", "key 'layers.0.conv': kernel must be odd"),
        ('kind = "pool"', 'kind = "wool"', "key 'layers.1'"),
        ('kind = "dense"\n', 'kind = "pool"\n', "key 'layers.6.pool.weight_bits'"),
    ],
)
def test_wrong_value(tmp_path, old, new, told):
    assert old in GOOD
    assert told in refused(tmp_path, GOOD.replace(old, new, 1))


def test_dense_must_end(tmp_path):
    more = GOOD + '\n[[layers]]\nkind = "pool"\n'
    assert "layers must end with the one layer of kind dense" in refused(tmp_path, more)


def test_more_problems_are_counted(tmp_path):
    assert "1 more such problems." in refused(tmp_path, GOOD.replace("seed = 1", "seed = -1\nsead = 2"))
