"""What stands in deploy/ names commands, settings, doors and figures that there are."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from wms.cli import commands
from wms.doctor import judge
from wms.settings import Settings

DEPLOY = Path(__file__).parents[2] / "deploy"
SETTING = re.compile(r"\bSOKO_([A-Z_0-9]+)")
OTHERS = {  # of PostgreSQL, the proxy, compose itself and the edge
    "DATABASE_PASSWORD", "PROXY_BIND", "SERVE_1", "SERVE_2", "SERVE_3", "VERSION", "SITE_FILE",
}  # fmt: skip
TEXTS = [path for path in sorted(DEPLOY.rglob("*")) if path.is_file() and path.suffix != ".json"]
HAPROXY = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
TAG = re.compile(r"\{\{-? *(.*?) *-?\}\}")


def test_every_setting_is_one_that_is_read():
    known = {name.upper() for name in Settings.model_fields}
    said = {name for path in TEXTS for name in SETTING.findall(path.read_text())}

    assert len(said) > 15
    assert said - known - OTHERS == set()


def test_every_command_is_one_of_ours():
    known = set(commands())
    units = "\n".join(path.read_text() for path in DEPLOY.glob("systemd/*.service"))
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    called = re.findall(r"^Exec\w+=/opt/soko/bin/soko (\w+)", units, re.MULTILINE)
    called += [
        each["command"][0]
        for each in compose["services"].values()
        if each["image"].startswith("soko:")
    ]

    assert len(called) > 10
    assert set(called) <= known


def test_compose_has_three_doors_and_two_workers_behind_a_proxy_that_looks():
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services = compose["services"]
    proxy = (DEPLOY / "haproxy.cfg").read_text()

    assert [name for name in services if name.startswith("serve")] == ["serve1", "serve2", "serve3"]
    assert sum(each.get("command") == ["worker"] for each in services.values()) == 2
    assert "GET /health/ready" in proxy
    asked_s, falls = re.findall(r"inter (\d+)s fall (\d+)", proxy)[0]
    drain_s = float(compose["x-soko"]["environment"]["SOKO_DRAIN_S"])
    assert drain_s > int(asked_s) * int(falls), "they would be sent to who is gone"
    assert "ports" not in services["postgres"]
    for name in (DEPLOY / "soko.env.example", DEPLOY / "compose.yaml"):
        assert not re.search(r"(PASSWORD|SECRET)[=:] *['\"]?\w+$", name.read_text(), re.MULTILINE)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
@pytest.mark.nightly
def test_systemd_takes_the_units(tmp_path: Path):
    for path in DEPLOY.glob("systemd/*"):
        # nobody has installed it here, and nobody is called soko
        text = path.read_text().replace("/opt/soko/bin/soko", "/bin/true")
        text = re.sub(r"^(User|Group|EnvironmentFile)=.*\n", "", text, flags=re.MULTILINE)
        (tmp_path / path.name).write_text(text)
    units = [str(path) for path in tmp_path.glob("*") if "@" not in path.name]
    units += [str(tmp_path / f"soko-{name}@1.service") for name in ("serve", "worker")]
    for name in ("serve", "worker"):
        shutil.copy(tmp_path / f"soko-{name}@.service", tmp_path / f"soko-{name}@1.service")

    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True,
                          check=False, env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:"})  # fmt: skip

    assert "soko" not in done.stderr, done.stderr


@pytest.mark.skipif(HAPROXY is None, reason="no haproxy here")
@pytest.mark.nightly
def test_haproxy_takes_its_file():
    servers = {f"SOKO_SERVE_{n}": f"127.0.0.1:80{n}" for n in (1, 2, 3)}
    done = subprocess.run([str(HAPROXY), "-c", "-f", str(DEPLOY / "haproxy.cfg")], check=False,
                          capture_output=True, text=True,
                          env=servers | {"SOKO_PROXY_BIND": "127.0.0.1:8443"})  # fmt: skip

    assert done.returncode == 0, done.stderr


# ------------------------------------------------------------------------------ the chart
def value(values: Any, path: str) -> Any:
    for part in path.split(".")[2:]:
        values = values[part]
    return values


def rendered(text: str, values: dict[str, Any]) -> list[Any]:
    """What our templates use of Helm's language: values, quote, toYaml | nindent, one range."""

    def ranged(found: re.Match[str]) -> str:
        rows = value(values, found[1]).items()
        body = found[2]
        return "".join(
            body.replace("{{ $name }}", name).replace("{{ $value | quote }}", f'"{each}"')
            for name, each in rows
        )

    text = re.sub(r"\n\{\{- range \$name, \$value := (\S+) \}\}(.*?)\n\{\{- end \}\}", ranged, text,
                  flags=re.DOTALL)  # fmt: skip

    def filled(found: re.Match[str]) -> str:
        word, *pipes = found[1].split(" | ")
        if word == ".Release.Name":
            return "soko"
        if word.startswith("toYaml "):
            lines = yaml.safe_dump(value(values, "$." + word.split()[1][1:])).rstrip()
            indent = "\n" + " " * int(pipes[0].split()[1])
            return indent + str(lines).replace("\n", indent)
        got = value(values, f"${word}")
        return f'"{got}"' if pipes == ["quote"] else str(got)

    return [each for each in yaml.safe_load_all(TAG.sub(filled, text)) if each]


def test_the_chart_makes_what_compose_makes():
    chart = DEPLOY / "helm" / "soko"
    values = yaml.safe_load((chart / "values.yaml").read_text())
    made = {
        (thing["kind"], thing["metadata"]["name"]): thing
        for path in sorted(chart.glob("templates/*.yaml"))
        for thing in rendered(path.read_text(), values)
    }

    serve = made["Deployment", "soko-serve"]["spec"]
    (pod,) = serve["template"]["spec"]["containers"]
    assert serve["replicas"] == 3
    assert made["Deployment", "soko-worker"]["spec"]["replicas"] == 2
    assert pod["readinessProbe"]["httpGet"]["path"] == "/health/ready"
    assert pod["livenessProbe"]["httpGet"]["path"] == "/health/live"
    seen_s = pod["readinessProbe"]["periodSeconds"] * pod["readinessProbe"]["failureThreshold"]
    assert seen_s < values["serve"]["drainS"], "traffic would still come when it is gone"
    assert values["serve"]["drainS"] < serve["template"]["spec"]["terminationGracePeriodSeconds"]
    assert pod["resources"] == values["serve"]["resources"]
    settings = made["ConfigMap", "soko-settings"]["data"]
    assert settings["SOKO_ACCESS"] == "keys"
    assert all(isinstance(each, str) for each in settings.values())
    assert "pre-upgrade" in made["Job", "soko-upgrade"]["metadata"]["annotations"]["helm.sh/hook"]


# ------------------------------------------------------------------------------ production
def test_the_doctor_refuses_a_production_that_may_lose_or_let_in():
    good = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on",
            "data_checksums": "on", "max_slot_wal_keep_size": "4GB", "followers": "1"}  # fmt: skip
    real = Settings(production=True, access="keys", handheld="paired", seal_every_s=10)

    def faults(settings: Settings, **changed: str) -> list[str]:
        return [each.says for each in judge(settings, good | changed) if each.state == "fault"]

    assert faults(real) == []
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        assert faults(real, **{name: "off"}) == [f"{name} is off: a crash loses data"]
    assert faults(real, followers="0") == ["nobody keeps the log of changes"]
    assert faults(real, data_checksums="off") == ["data have no checksums"]
    opened = real.model_copy(update={"access": "open", "handheld": "open"})
    assert len(faults(opened)) == 2
    tried = Settings(production=False)
    assert faults(tried, data_checksums="off", followers="0") == []
    assert faults(tried, fsync="off") == ["fsync is off: a crash loses data"]
