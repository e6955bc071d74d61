"""The shipped unit and compose file are sound, and name nothing that is not there."""

import os
import re
import shutil
import subprocess
import tomllib
import venv
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from sqlalchemy.engine import make_url

from config.daemon_settings import DaemonSettings
from config.secret_lookup import SecretName
from config.settings import Settings, load_settings
from sync.cli.program import program
from tests.alert_building import settings_text

ROOT = Path(__file__).parents[2]
DEPLOY = resources.files("config.deploy")
UNIT = DEPLOY.joinpath("tieout.service").read_text("utf-8")
COMPOSE = DEPLOY.joinpath("compose.yaml").read_text("utf-8")


def entries(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", UNIT, re.MULTILINE)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_understands_every_line_of_the_unit(tmp_path: Path) -> None:
    program_file = tmp_path / "tieout"
    program_file.write_text("#!/bin/sh\n")
    program_file.chmod(0o755)
    unit = tmp_path / "tieout.service"
    unit.write_text(UNIT.replace("/usr/local/bin/tieout", str(program_file)))
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (0, "") == (verified.returncode, verified.stderr)
    unit.write_text(unit.read_text().replace("ProtectSystem=strict", "ProtectSystem=strictly"))
    planted = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60, check=False
    )
    assert "Failed to parse" in planted.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_finds_the_unit_well_closed(tmp_path: Path) -> None:
    unit = tmp_path / "tieout.service"
    unit.write_text(UNIT)
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    exposure = re.search(r"exposure level for tieout.service: ([\d.]+)", judged.stdout)
    assert exposure is not None, judged.stderr
    assert float(exposure[1]) < 2


def test_the_unit_runs_a_command_that_there_is() -> None:
    _, *arguments = entries("ExecStart")[0].split()
    assert "run" == arguments[0]
    assert_accepted(arguments)
    assert ["/etc/tieout/tieout.toml"] == [word for word in arguments if word.startswith("/")]
    for command in re.findall(r"tieout ((?:init|deploy)[^#|\n]*)", UNIT):
        assert_accepted(command.split())


def test_the_unit_leaves_the_program_the_time_that_it_needs() -> None:
    assert ["20"] == entries("TimeoutStopSec")
    assert ["30"] == entries("WatchdogSec")
    assert ["notify"] == entries("Type")


def test_the_unit_gives_secrets_by_the_names_that_are_looked_up() -> None:
    given = re.findall(r"^(?:# )?LoadCredentialEncrypted=(\w+):(\S+)$", UNIT, re.MULTILINE)
    assert len(given) >= 4
    for name, path in given:
        assert name.removeprefix("TIEOUT_") in list(SecretName)
        assert f"/etc/credstore.encrypted/{name}" == path
    assert [UNIT.count("/var/lib/tieout")] == [len(re.findall(r"/var/lib/tieout\b", UNIT))]
    assert entries("StateDirectory") == ["tieout"]


def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(COMPOSE)
    return document


def test_the_compose_file_runs_a_command_that_there_is() -> None:
    service = compose()["services"]["tieout"]
    assert_accepted(service["command"])
    for command in re.findall(r"# +docker compose run --rm tieout (.*)", COMPOSE):
        assert_accepted(command.split())
    places = {volume.split(":")[1] for volume in service["volumes"]}
    assert {"/etc/tieout/tieout.toml", "/etc/tieout/secrets"} == places
    assert service["command"][2] in places
    assert DaemonSettings().health in service["healthcheck"]["test"][-1]


def test_the_compose_file_sets_settings_that_there_are() -> None:
    document = compose()
    for variable in document["services"]["tieout"]["environment"]:
        section, _, key = variable.removeprefix("TIEOUT_").lower().partition("__")
        assert variable == "TIEOUT_CONFIG" or key in Settings.model_fields[section].default.model_fields_set | set(
            type(Settings.model_fields[section].default).model_fields
        )
    secret = document["secrets"]["store_password"]["file"].rpartition("/")[2]
    assert secret.removeprefix("TIEOUT_") in list(SecretName)
    assert {"postgres"} == set(document["services"]["tieout"]["depends_on"])
    volumes = {volume.split(":")[0] for volume in document["services"]["postgres"]["volumes"]}
    assert volumes == set(document["volumes"])


def test_the_compose_file_agrees_with_itself_and_with_the_program() -> None:
    tieout, postgres = (compose()["services"][name] for name in ("tieout", "postgres"))
    url = make_url(tieout["environment"]["TIEOUT_STORE__URL"])
    assert ("postgres", postgres["environment"]["POSTGRES_USER"]) == (url.host, url.username)
    assert postgres["environment"]["POSTGRES_DB"] == url.database
    assert url.password is None
    assert postgres["environment"]["POSTGRES_PASSWORD_FILE"] == f"/run/secrets/{postgres['secrets'][0]}"
    assert postgres["secrets"] == list(compose()["secrets"])
    assert tieout["environment"]["TIEOUT_CONFIG"] == tieout["command"][2]
    assert "/healthz" in tieout["healthcheck"]["test"][-1]
    compile(tieout["healthcheck"]["test"][-1], "healthcheck", "exec")
    assert "20s" == tieout["stop_grace_period"]  # it ends within 10 s, as under systemd


def test_the_secrets_of_the_compose_file_are_looked_up_where_they_are_mounted(tmp_path: Path) -> None:
    file = tmp_path / "tieout.toml"
    file.write_text(settings_text())
    mounted = {volume.split(":")[1] for volume in compose()["services"]["tieout"]["volumes"]}
    assert load_settings(file).secrets.directory.replace(str(tmp_path), "/etc/tieout") in mounted


def recipe() -> list[list[str]]:
    """The steps of the image, as words."""
    text = compose()["services"]["tieout"]["build"]["dockerfile_inline"]
    return [line.split(maxsplit=1) for line in text.splitlines() if line]


def test_the_image_is_built_from_the_files_that_it_needs_and_no_others() -> None:
    copied = [word for step, words in recipe() if step == "COPY" for word in words.split()[:-1]]
    assert all((ROOT / name).exists() for name in copied)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    packages = [name.rstrip("*") for name in project["tool"]["setuptools"]["packages"]["find"]["include"]]
    assert sorted(["pyproject.toml", "requirements.lock", project["project"]["readme"], *packages]) == sorted(copied)
    assert ["ENTRYPOINT", '["tieout"]'] == recipe()[-1]
    assert "sync.__main__:main" == project["project"]["scripts"]["tieout"]


@pytest.mark.slow
def test_the_steps_of_the_image_taken_by_hand_make_the_program(tmp_path: Path) -> None:
    venv.create(tmp_path, with_pip=True)
    for step, words in recipe():
        if step == "COPY":
            *names, place = words.split()
            into = tmp_path / place.lstrip("/")
            into.parent.mkdir(exist_ok=True)
            for name in names:
                copy_step(ROOT / name, into)
        if step == "RUN":
            subprocess.run(words.replace("/source", str(tmp_path / "source")), shell=True, check=True, **bare(tmp_path))
    assert not (tmp_path / "source").exists()
    said = subprocess.run(
        ["tieout", *compose()["services"]["tieout"]["command"]], capture_output=True, check=False, **bare(tmp_path)
    )
    assert 2 == said.returncode, said.stderr
    assert "/etc/tieout/tieout.toml" in said.stderr.decode()
    printed = subprocess.run(["tieout", "deploy", "compose"], capture_output=True, check=True, **bare(tmp_path))
    assert COMPOSE == printed.stdout.decode()


def copy_step(source: Path, into: Path) -> None:
    """What COPY does with one source: a folder's contents, or a file into a folder."""
    if source.is_dir():
        shutil.copytree(source, into, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        into.mkdir(exist_ok=True)
        shutil.copy(source, into)


def bare(image: Path) -> dict[str, Any]:
    """An environment in which only the image's programs are found, and a folder in which nothing is."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
    nowhere = image / "tmp"
    nowhere.mkdir(exist_ok=True)
    return {"env": {**kept, "PATH": f"{image / 'bin'}:/usr/bin:/bin", "HOME": str(nowhere)}, "cwd": nowhere}


def test_deploy_prints_what_is_shipped_with_the_programs_own_path() -> None:
    printed = CliRunner().invoke(program, ["deploy", "systemd"])
    assert 0 == printed.exit_code
    started = re.findall(r"^ExecStart=(\S+)", printed.output, re.MULTILINE)[0]
    assert UNIT == printed.output.replace(started, "/usr/local/bin/tieout")
    assert COMPOSE == CliRunner().invoke(program, ["deploy", "compose"]).output


def assert_accepted(arguments: list[str]) -> None:
    """The command and its options exist: click explains them instead of complaining."""
    explained = CliRunner().invoke(program, [*arguments, "--help"])
    assert 0 == explained.exit_code, explained.output
