import pytest

from lastwords.lab import KERNELS, LabError, all_cases, case


def test_there_are_cases_of_many_kinds():
    assert len({case.answer.kind for case in all_cases()}) >= 14


@pytest.mark.parametrize("recipe", all_cases(), ids=lambda recipe: recipe.name)
def test_recipe_fits_its_module(recipe):
    assert set(recipe.kernels) <= set(KERNELS)
    assert set(recipe.answers) <= set(recipe.kernels)
    text = "".join(source.read_text() for source in recipe.sources.values())
    assert all(f"/case/{module}.ko" in recipe.run for module in recipe.sources)
    if recipe.mistake is not None:
        assert f"{recipe.mistake}(" in text
    if recipe.answer.module in recipe.sources and recipe.answer.function != "lab_write":
        assert f"{recipe.answer.function}(" in text


@pytest.mark.parametrize("name", ["no-such-case", "..", "", "../cases", "lab.h"])
def test_unknown_case_is_one_line(name):
    with pytest.raises(LabError, match="no case"):
        case(name)


def test_wrong_recipe_says_where(tmp_path, monkeypatch):
    monkeypatch.setattr("lastwords.lab.cases.FOLDER", tmp_path)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "case.toml").write_text('summary = "no answer"\n')
    with pytest.raises(LabError, match=r"bad/case\.toml: .*answer"):
        case("bad")
