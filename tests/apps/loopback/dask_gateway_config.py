"""Dask Gateway as the chart's own files/gateway/dask_gateway_config.py would set it up from our values.

What differs, because there is no Kubernetes: processes take the place of pods, addresses are on
loopback, and the gateway's own proxy plays Traefik.
"""

import os
import sys
from pathlib import Path

from dask_gateway_server.backends.local import LocalClusterConfig
from dask_gateway_server.traitlets import MemoryLimit
from traitlets import Dict, Float

sys.path.insert(0, str(Path(__file__).parent))
from chart_values import getter, part, resolved  # noqa: E402

get_property = getter(part("dask-gateway", "dask-gateway"))


class ClusterConfig(LocalClusterConfig):
    """With the fields of a cluster of pods, which our handler of options sets; cores may be parts of one."""

    scheduler_cores = Float(1, min=0, config=True)
    worker_cores = Float(1, min=0, config=True)
    worker_cores_limit = Float(0, config=True)
    worker_memory_limit = MemoryLimit(0, config=True)
    worker_extra_container_config = Dict(config=True)


c.DaskGateway.backend_class = "dask_gateway_server.backends.local.UnsafeLocalBackend"
c.DaskGateway.address = os.environ["IRIS_APPS_GATEWAY"]
c.Proxy.address = os.environ["IRIS_APPS_TRAEFIK"]
c.Proxy.prefix = get_property("gateway.prefix", "/")
c.UnsafeLocalBackend.cluster_config_class = ClusterConfig
c.UnsafeLocalBackend.clusters_directory = str(Path(os.environ["IRIS_APPS"], "clusters"))
c.UnsafeLocalBackend.inherited_environment = ["PATH", "IRIS_APPS", "DASK_DISTRIBUTED__ADMIN__LOW_LEVEL_LOG_LENGTH"]

# --- the usual size of schedulers and workers: the gateway's own limits of a cluster count with it
for pod in ("scheduler", "worker"):
    for what in ("cores", "memory"):
        usual = get_property(f"gateway.backend.{pod}.{what}.request")
        if usual is not None:
            setattr(c.KubeClusterConfig, f"{pod}_{what}", usual)

# --- who may use it
kind = get_property("gateway.auth.type")
if kind == "simple":
    c.DaskGateway.authenticator_class = "dask_gateway_server.auth.SimpleAuthenticator"
    password = get_property("gateway.auth.simple.password")
    if password is not None:
        c.SimpleAuthenticator.password = password
elif kind == "jupyterhub":
    c.DaskGateway.authenticator_class = "dask_gateway_server.auth.JupyterHubAuthenticator"
    # The chart hands the token over in the environment.
    os.environ["JUPYTERHUB_API_TOKEN"] = get_property("gateway.auth.jupyterhub.apiToken")
    c.JupyterHubAuthenticator.jupyterhub_api_url = resolved(get_property("gateway.auth.jupyterhub.apiUrl"))
    service = get_property("gateway.auth.jupyterhub.jupyterhubServiceName")
    if service:
        c.JupyterHubAuthenticator.jupyterhub_service_name = service

# --- gateway.extraConfig, in the order of its names
for name, code in sorted(get_property("gateway.extraConfig", {}).items()):
    exec(compile(code, f"gateway.extraConfig.{name}", "exec"))
# What is said of clusters of pods is meant for those that are here.
c.ClusterConfig.update(c.KubeClusterConfig)

exec(os.environ.get("IRIS_APPS_GATEWAY_FAULT", ""))
