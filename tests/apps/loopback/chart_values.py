"""A bundle's values, read as the charts' own configuration code reads them.

Names of the cluster are resolved as its DNS would: a Service that no chart makes, or a port that it
does not have, is not found.
"""

import json
import os
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import yaml

BUNDLE = Path(os.environ["IRIS_APPS_BUNDLE"])
#: Addresses on loopback by the name of a Service and its port in the cluster.
SERVICES = json.loads(os.environ["IRIS_APPS_SERVICES"])
MISSING = object()


def merged(below, above):
    """What Helm makes of two values files: maps are merged, null takes a key away, the rest replaces."""
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    out = dict(below)
    for key, value in above.items():
        if value is None:
            out.pop(key, None)
        else:
            out[key] = merged(out.get(key), value)
    return out


def release_values(chart):
    """The values of a chart's release, from its files in their order."""
    manifest = yaml.safe_load((BUNDLE / "bundle.yaml").read_text())
    (release,) = [release for release in manifest["releases"] if release["chart"] == chart]
    values = {}
    for name in release["values"]:
        values = merged(values, yaml.safe_load((BUNDLE / name).read_text()) or {})
    return values


def part(chart, key):
    """The values of a chart, or of the part of the umbrella of that name."""
    manifest = yaml.safe_load((BUNDLE / "bundle.yaml").read_text())
    charts = [release["chart"] for release in manifest["releases"]]
    return release_values(chart) if chart in charts else release_values("daskhub").get(key, {})


def getter(values):
    """`get_config` of z2jh and `get_property` of dask-gateway: a path with dots, and a default."""

    def get(path, default=None):
        value = values
        for key in path.split("."):
            value = value.get(key, MISSING) if isinstance(value, dict) else MISSING
            if value is MISSING or value is None:
                return default
        return value

    return get


def address_of(host, port):
    # As a name that no DNS knows, or a port on which nobody listens.
    return SERVICES.get(f"{host}:{port}", "127.0.0.1:1")


def resolved(url):
    """The same URL on loopback; in the cluster it would be a name of DNS."""
    parts = urlsplit(url)
    address = address_of(parts.hostname, parts.port or {"http": 80, "gateway": 8786}[parts.scheme])
    user = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{user}@{address}" if user else address))


def resolved_database(url):
    """The same URL, with the address on loopback beside the name: a server proves by TLS that it has the name."""
    parts = urlsplit(url)
    address, port = address_of(parts.hostname, parts.port or 5432).split(":")
    user = parts.netloc.rpartition("@")[0]
    query = [*filter(None, [parts.query]), f"hostaddr={address}"]
    return urlunsplit(parts._replace(netloc=f"{user}@{parts.hostname}:{port}", query="&".join(query)))
