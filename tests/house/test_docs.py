import re

import pytest

from tests.house.modules import LAYERS, ROOT

PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *(ROOT / layer / "README.md" for layer in LAYERS),
]


@pytest.mark.parametrize("layer", LAYERS)
def test_a_package_has_a_contract(layer):
    assert (ROOT / layer / "README.md").exists(), (
        f"{layer} has no README.md: write what holds and what it is not"
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}, which is not there"


def test_the_readme_names_the_set_up_commands():
    text = (ROOT / "README.md").read_text()
    for target in ("make demo", "make test", "make bench-quick"):
        assert target in text, f"README.md does not mention `{target}`"


def test_every_target_of_the_makefile_explains_itself():
    text = (ROOT / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    for target in phony.split():
        assert re.search(rf"^{target}:.*## \S", text, re.MULTILINE), f"make {target} has no ## comment"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_code_and_tests_named_on_a_page_exist(page):
    code = rf"(?:{'|'.join(LAYERS)})/[\w/]+\.(?:py|lua|acl|toml)"
    for path in re.findall(rf"`({code}|tests/[\w/]+(?:\.\w+)?)`", page.read_text()):
        assert (ROOT / path).exists(), f"{page.name} names {path}, which is not there"
