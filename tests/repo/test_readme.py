"""What the README shows is run, so that it cannot drift from what is there."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest
import yaml

from proxy.policy.source import load_policy
from proxy.settings import load_settings
from tests.integration.server import serving

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("policies/*.md")]
ENVIRONMENT = {"TEAM_A_KEY": "a", "OPERATIONS_KEY": "o", "ANTHROPIC_API_KEY": "x"}


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def test_the_policy_in_the_readme_is_valid(tmp_path: Path) -> None:
    """The first YAML block can be dropped into the folder as it stands."""
    path = tmp_path / "careful.yaml"
    path.write_text(_blocks("yaml")[0], encoding="utf-8")
    assert load_policy(path, root=tmp_path).name == "careful"


def test_the_configuration_in_the_readme_is_valid(tmp_path: Path) -> None:
    """The second YAML block is accepted by `--config`."""
    path = tmp_path / "guardtune.yaml"
    path.write_text(_blocks("yaml")[1], encoding="utf-8")
    settings = load_settings(config=path, environ=ENVIRONMENT, flags={})
    assert [model.backend for model in settings.models] == ["llama_cpp", "openai", "litellm"]


@pytest.mark.gguf
def test_the_client_example_in_the_readme_runs(tmp_path: Path) -> None:
    """The official client lists the embedded model and streams an answer from it."""
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "default.yaml").write_text("schema: 1\nname: default\n", encoding="utf-8")
    config = {
        "policies": str(folder),
        "judging": {"judge": "scripted"},
        "probing": {"enabled": False},
    }
    said = io.StringIO()
    with serving(tmp_path, config) as server:
        example = _blocks("python")[0].replace("http://127.0.0.1:8000", server.url)
        with contextlib.redirect_stdout(said):
            exec(compile(example, "README.md", "exec"), {"__name__": "readme"})
    listing, _, answer = said.getvalue().partition("\n")
    assert "smollm2-135m-instruct" in listing
    assert answer.split()  # sampled: of any length


def test_every_make_target_named_in_the_readme_exists() -> None:
    """A target that was renamed must be renamed here too."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"\bmake ([a-z]+)", README)) - {"it"}
    assert [target for target in sorted(named) if f"\n{target}:" not in makefile] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """Every relative link of a committed page names a file that exists."""
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)[^)]*\)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_default_policies_and_workflow_agree() -> None:
    """`make run` needs no configuration: the shipped folder is the default one."""
    shipped = {yaml.safe_load(path.read_text("utf-8"))["name"] for path in _shipped()}
    assert shipped >= {"default", "strict"}
    assert load_settings(config=None, environ={}, flags={}).policies == "policies"


def _shipped() -> list[Path]:
    return sorted((ROOT / "policies").glob("*.yaml"))
