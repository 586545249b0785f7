"""The bundles of `hack/bench`: runc's default spec and what the cases change in it.

usage: bundles.py SPEC SECCOMP OUTPUT   SPEC is what `runc spec` writes, SECCOMP podman's profile; OUTPUT gets one
directory a bundle, and has their root file system in `rootfs`.
"""

import copy
import json
import pathlib
import sys

ARCHITECTURES = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]


def profile(path, capabilities):
    """The section that podman makes of its profile for a container with these capabilities."""
    source = json.loads(pathlib.Path(path).read_text())
    rules = []
    for entry in source["syscalls"]:
        includes, excludes = entry.get("includes") or {}, entry.get("excludes") or {}
        if not set(includes.get("caps", [])) <= set(capabilities) or set(excludes.get("caps", [])) & set(capabilities):
            continue
        if "amd64" not in includes.get("arches", ["amd64"]) or "amd64" in excludes.get("arches", []):
            continue
        if includes.get("minKernel"):
            continue
        rule = {"names": entry["names"], "action": entry["action"]}
        if entry["action"] == "SCMP_ACT_ERRNO" and "errnoRet" in entry:
            rule["errnoRet"] = entry["errnoRet"]
        if entry.get("args"):
            rule["args"] = entry["args"]
        rules.append(rule)
    return {"defaultAction": source["defaultAction"], "architectures": ARCHITECTURES, "syscalls": rules}


def bundles(spec, seccomp):
    """Name and configuration of each."""
    spec["process"]["terminal"] = False
    spec["process"]["args"] = ["/bin/true"]
    spec["root"]["path"] = "../rootfs"
    yield "true", spec

    changed = copy.deepcopy(spec)
    changed["process"]["args"] = ["/bin/sleep", "100000"]
    yield "sleep", changed

    changed = copy.deepcopy(spec)
    changed["linux"]["seccomp"] = profile(seccomp, spec["process"]["capabilities"]["bounding"])
    yield "seccomp", changed

    changed = copy.deepcopy(spec)
    changed["linux"]["namespaces"].append({"type": "user"})
    maps = [
        {"containerID": 0, "hostID": 100000, "size": 1000},
        {"containerID": 1000, "hostID": 200000, "size": 64536},
    ]
    changed["linux"]["uidMappings"] = maps
    changed["linux"]["gidMappings"] = maps
    yield "userns", changed

    changed = copy.deepcopy(spec)
    for index in range(20):
        options = ["rbind", "rprivate"] + (["ro"] if index % 2 else [])
        changed["mounts"].append(
            {"destination": f"/mnt/{index}", "type": "bind", "source": "/usr", "options": options}
        )
    yield "binds", changed

    # The steps of the search for the smallest limit, in KiB.
    for limit in (128, 192, 256, 320, 384, 448, 512, 640, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288):
        changed = copy.deepcopy(spec)
        changed["linux"].setdefault("resources", {})["memory"] = {"limit": limit * 1024}
        yield f"limit-{limit}", changed


def main():
    spec, seccomp, output = sys.argv[1:]
    for name, config in bundles(json.loads(pathlib.Path(spec).read_text()), seccomp):
        directory = pathlib.Path(output) / name
        directory.mkdir(parents=True)
        (directory / "config.json").write_text(json.dumps(config, indent="\t") + "\n")


if __name__ == "__main__":
    main()
