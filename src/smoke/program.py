"""What `helm iris test` runs in a user's kernel. Each line that counts begins with `IRIS `."""

import contextlib
import json
import pathlib
import sys
import time
import warnings


def iris_say(**line):
    print("\nIRIS " + json.dumps(line, default=str), flush=True)


@contextlib.contextmanager
def iris_step(name):
    iris_say(began=name)
    began, facts = time.monotonic(), {}
    try:
        yield facts
    except BaseException as error:
        text = f"{type(error).__name__}: {error}"[:4000]
        iris_say(step=name, ok=False, seconds=time.monotonic() - began, error=text, **facts)
        raise
    iris_say(step=name, ok=True, seconds=time.monotonic() - began, **facts)


def iris_versions(client):
    """The versions that must agree, by where they are; workers that are alike count once."""
    names = ("python", "dask", "distributed", "cloudpickle", "msgpack", "numpy", "pandas", "toolz", "lz4")

    def of(one):
        found = one.get("packages", {})
        return {name: str(found[name]) for name in names if found.get(name)}

    said = client.get_versions()
    workers = {json.dumps(of(one), sort_keys=True) for one in said["workers"].values()}
    return {
        "notebook": of(said["client"]),
        "scheduler": of(said["scheduler"]),
        "workers": [json.loads(one) for one in sorted(workers)],
    }


def iris_stop_clusters(gateway):
    """Stops all clusters of this user, who is nobody else's."""
    names = [one.name for one in gateway.list_clusters()]
    for name in names:
        with contextlib.suppress(Exception):
            gateway.stop_cluster(name)
    return len(names)


def iris_scale(cluster, client, workers, timeout):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        cluster.scale(workers)
        for one in said:
            # Less than was asked for would be waited for in vain.
            if "exceed resource limit" in str(one.message):
                raise RuntimeError(str(one.message))
    end = time.monotonic() + timeout
    while len(client.nthreads()) != workers:
        if time.monotonic() > end:
            raise TimeoutError(f"{len(client.nthreads())} of {workers} workers after {timeout:.0f} seconds")
        time.sleep(0.1)


def iris_dask(settings):
    with iris_step("import") as facts:
        import dask_gateway

        facts["version"] = dask_gateway.__version__
    with iris_step("gateway-auth") as facts:
        gateway = dask_gateway.Gateway()
        facts["stopped"] = iris_stop_clusters(gateway)
    try:
        with iris_step("scheduler") as facts:
            cluster = dask_gateway.GatewayCluster()
            facts["cluster"] = cluster.name
            client = cluster.get_client()
        with iris_step("workers") as facts:
            facts["cluster"] = cluster.name
            iris_scale(cluster, client, settings["workers"], settings["timeout"])
        with iris_step("versions") as facts:
            facts["versions"] = iris_versions(client)
        with iris_step("compute") as facts:
            import dask.array as da

            size, chunk = settings["size"], settings["chunk"]
            mean = float(da.random.normal(size=(size, size), chunks=(chunk, chunk)).mean().compute())
            facts["mean"] = mean
            # The mean of so many numbers has a standard deviation of 1 / size.
            if not abs(mean) < 6 / size:
                raise ArithmeticError(f"the mean of {size} times {size} normal numbers is {mean}")
        with iris_step("scale-down"):
            iris_scale(cluster, client, 0, settings["timeout"])
    finally:
        with iris_step("close"):
            iris_stop_clusters(gateway)


def iris_home():
    with iris_step("home") as facts:
        file = pathlib.Path.home() / ".helm-iris-test"
        file.write_text("written by helm iris test\n")
        if file.read_text() != "written by helm iris test\n":
            raise OSError(f"{file} does not hold what was written")
        file.unlink()
        facts["version"] = ".".join(str(part) for part in sys.version_info[:3])


def iris_main(settings):
    if settings["run"] == "sweep":
        with iris_step("sweep") as facts:
            import dask_gateway

            facts["stopped"] = iris_stop_clusters(dask_gateway.Gateway())
    else:
        iris_home()
        if settings["run"] == "dask":
            iris_dask(settings)
    iris_say(done=True)
