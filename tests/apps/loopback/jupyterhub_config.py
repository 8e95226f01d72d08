"""JupyterHub as the chart's own files/hub/jupyterhub_config.py and z2jh.py would set it up from our values.

What differs, because there is no Kubernetes: processes take the place of pods, and addresses are on
loopback.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from chart_values import getter, part, resolved, resolved_database  # noqa: E402

values = part("jupyterhub", "jupyterhub")
get_config = getter(values)
state = Path(os.environ["IRIS_APPS"])


def get_secret_value(path, default=None):
    """z2jh: of the Secret that the chart makes of the same values."""
    value = get_config(path, default)
    return ";".join(value) if isinstance(value, list) else value


# --- the proxy and the hub, which are pods of their own in the cluster
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.api_url = os.environ["IRIS_APPS_PROXY_API"]
c.ConfigurableHTTPProxy.auth_token = get_config("proxy.secretToken")
c.JupyterHub.bind_url = os.environ["IRIS_APPS_URL"]
c.JupyterHub.hub_bind_url = os.environ["IRIS_APPS_HUB"]
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}
c.JupyterHub.cookie_secret = get_secret_value("hub.config.JupyterHub.cookie_secret")
c.CryptKeeper.keys = get_secret_value("hub.config.CryptKeeper.keys").split(";")

# --- the database
if get_config("hub.db.type") == "sqlite-pvc":
    # In the cluster the folder is the volume.
    c.JupyterHub.db_url = "sqlite:///jupyterhub.sqlite"
else:
    c.JupyterHub.db_url = resolved_database(get_config("hub.db.url"))
    for file in get_config("hub.extraFiles", {}).values():
        # In the cluster it is mounted there.
        path = state / "files" / file["mountPath"].lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file["stringData"])
        c.JupyterHub.db_url = c.JupyterHub.db_url.replace(file["mountPath"], str(path))
    values["hub"]["db"]["url"] = c.JupyterHub.db_url
c.JupyterHub.upgrade_db = get_config("hub.db.upgrade", False)
password = get_secret_value("hub.db.password")
if password is not None and get_config("hub.db.type") == "postgres":
    os.environ["PGPASSWORD"] = password

# --- services and roles
for name, service in get_config("hub.services", {}).items():
    service = dict(service, name=service.get("name", name))
    service.pop("apiToken", None)
    service["api_token"] = get_secret_value(f"hub.services.{name}.apiToken")
    if "url" in service:
        service["url"] = resolved(service["url"])
    c.JupyterHub.services.append(service)
for name, role in get_config("hub.loadRoles", {}).items():
    c.JupyterHub.load_roles.append(dict(role, name=role.get("name", name)))

# --- users' servers
environment = dict(get_config("singleuser.extraEnv", {}))
for name in ("DASK_GATEWAY__ADDRESS", "DASK_GATEWAY__PROXY_ADDRESS"):
    if name in environment:
        environment[name] = resolved(environment[name])
home = state / "home"
environment |= {
    "IRIS_APPS": str(state),
    "PATH": os.environ["PATH"],
}
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = str(home / "{username}")
c.Spawner.environment = environment
c.Spawner.cmd = ["jupyterhub-singleuser"]
c.Spawner.args = ["--allow-root"] if os.geteuid() == 0 else []
c.Spawner.start_timeout = get_config("singleuser.startTimeout", 300)

# --- hub.config, as it is given
for app, settings in get_config("hub.config", {}).items():
    # What is said of the chart's spawner is meant for the one that is here.
    c["Spawner" if app == "KubeSpawner" else app].update(settings)

# --- hub.extraConfig, in the order of its names
for name, code in sorted(get_config("hub.extraConfig", {}).items()):
    exec(compile(code, f"hub.extraConfig.{name}", "exec"))

exec(os.environ.get("IRIS_APPS_HUB_FAULT", ""))
