"""Runs crun's Python tests one by one against a runtime and compares with the list `expected`.

Each test gets a folder, a mount and a pid namespace of its own, so that it is bounded in time and ends
with nothing left of it; cgroups that outlive their test are reported and removed. Called by
hack/crun-suite; prints TAP."""

import argparse
import fcntl
import importlib
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import time

HERE = os.path.dirname(os.path.abspath(__file__))
EXPECTED = os.path.join(HERE, "expected")
CGROUPS = "/sys/fs/cgroup"
TIMEOUT = 60

# Python with signals and children as a login shell leaves them; the shell is pid 1 and reaps orphans.
# High pids, because the suite takes a pid for five digits. %s: what hides the v2 side from crun.
SCRIPT = """
echo 20000 > /proc/sys/kernel/ns_last_pid
%s
/usr/bin/python3 "$1"
exit $?
"""


def names(source):
    """The suite's tests as (file, name), in order."""
    sys.path[:0] = [os.path.join(source, "tests"), os.path.join(HERE, "python")]
    sys.dont_write_bytecode = True
    found = []
    for entry in sorted(os.listdir(os.path.join(source, "tests"))):
        if match := re.fullmatch(r"test_(\w+)\.py", entry):
            module = importlib.import_module("test_" + match[1])
            found += [(match[1], name) for name in module.all_tests]
    return found


def cgroups():
    """Every cgroup that a test of the suite can have made, deepest first."""
    found = set()
    for hierarchy in os.scandir(CGROUPS):
        if hierarchy.is_dir(follow_symlinks=False):
            for path, _, _ in os.walk(hierarchy.path, topdown=False):
                if re.search(r"/(test-tmp\w+|container-\d+|frozen)(/|$)", path):
                    found.add(path)
    return sorted(found, key=len, reverse=True)


def thaw():
    """Thaws the suite's cgroups: a frozen process outlives even its killed namespace."""
    for path in cgroups():
        for name, text in [("cgroup.freeze", "0"), ("freezer.state", "THAWED")]:
            try:
                with open(os.path.join(path, name), "w") as file:
                    file.write(text)
            except OSError:
                pass


def remove(paths):
    deadline = time.monotonic() + 5
    while paths and time.monotonic() < deadline:
        for path in paths:
            try:
                os.rmdir(path)
            except OSError:
                pass
        paths = [path for path in paths if os.path.isdir(path)]
        time.sleep(0.02)


class Suite:
    def __init__(self, source, runtime):
        self.source, self.runtime = source, runtime
        version = subprocess.run([runtime, "--version"], capture_output=True, text=True, check=True)
        self.version = version.stdout.split("\n")[0]
        # crun 1.8.1 refuses hybrid cgroups with a controller on the v2 side; there, unseen, it works.
        unified = os.path.join(CGROUPS, "unified")
        is_crun = self.version.startswith("crun")
        self.hide = "umount " + unified if is_crun and os.path.ismount(unified) else ""

    def environment(self, name, folder):
        return {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LANG": "C",
            "TMPDIR": folder,
            "OCI_RUNTIME": self.runtime,
            "INIT": os.path.join(folder, "tests", "init"),
            "PYTHONPATH": os.path.join(HERE, "python"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "RUN_TESTS": name,
        }

    def run(self, file, name):
        """One test: (result, output, cgroups it left)."""
        # Open to all: tests chown a root filesystem to another user, who must reach it.
        folder = tempfile.mkdtemp(prefix="crun-suite.", dir="/tmp")
        os.chmod(folder, 0o755)
        os.mkdir(os.path.join(folder, "tests"))
        shutil.copy2(os.path.join(self.source, "init"), os.path.join(folder, "tests", "init"))
        before = set(cgroups())
        argv = ["/usr/bin/unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
        argv += ["/bin/sh", "-c", SCRIPT % self.hide, "sh", f"{self.source}/tests/test_{file}.py"]
        try:
            output, ended = self.spawn(argv, folder, self.environment(name, folder), file == "tty")
            left = [path for path in cgroups() if path not in before]
            remove(left)
            result = judge(output, name) or "fail" if ended else "fail"
            return result, output if ended else output + f"\ntimed out after {TIMEOUT} s", left
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def spawn(self, argv, folder, environment, terminal):
        """Runs a program to its end, on a terminal or a pipe: (output, whether it ended in time)."""
        ours, theirs = pty.openpty() if terminal else os.pipe()
        keywords = dict(cwd=folder, env=environment, stdout=theirs, stderr=theirs)
        if terminal:
            keywords["stdin"] = theirs
            keywords["preexec_fn"] = lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        else:
            keywords["stdin"] = subprocess.DEVNULL
        child = subprocess.Popen(argv, start_new_session=True, **keywords)
        os.close(theirs)
        os.set_blocking(ours, False)
        output, ended, deadline, judged = b"", True, time.monotonic() + TIMEOUT, None
        while True:
            gone = child.poll() is not None
            select.select([ours], [], [], 0 if gone else 0.05)
            try:
                output += os.read(ours, 65536)
            except OSError:
                pass  # Nothing there now, or the terminal's other end is closed.
            if gone:
                break
            # A test that is over and does not end has left something frozen.
            if judged is None and judge(output.decode(errors="replace"), environment["RUN_TESTS"]):
                judged = time.monotonic()
            if judged is not None and time.monotonic() > judged + 1:
                thaw()
            if time.monotonic() > deadline:
                ended, deadline = False, deadline + 1
                child.kill()
                thaw()
        os.close(ours)
        return output.decode(errors="replace").replace("\r\n", "\n"), ended


def judge(output, name):
    """What the suite said of a test, if it did."""
    for line in output.split("\n"):
        if match := re.fullmatch(r"(ok|not ok) \d+ - (\S+)( #SKIP)?", line.strip()):
            if match[2] == name:
                return "fail" if match[1] == "not ok" else "skip" if match[3] else "pass"
    return None


def exceptions():
    """The tests that swrun fails on purpose: rows of the table in specs/conformance.md."""
    with open(os.path.join(HERE, "..", "..", "specs", "conformance.md")) as file:
        return set(re.findall(r"^\| `(\w+/\S+)` \|", file.read(), re.MULTILINE))


def expected():
    """The list: what each test does with crun."""
    results = {}
    with open(EXPECTED) as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                result, test = line.split()[:2]
                results[test] = result
    return results


def record(suite, results):
    with open(EXPECTED, "w") as file:
        file.write(f"# What {suite.version} does with its own tests: hack/crun-suite --record\n")
        file.writelines(f"{result} {test}\n" for test, result in results.items())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", required=True)
    parser.add_argument("--runtime", required=True)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("tests", nargs="*")
    options = parser.parse_args()
    suite = Suite(options.source, options.runtime)
    if options.record and not suite.version.startswith("crun"):
        sys.exit(f"--record takes crun's results, not those of {suite.version}")
    tests = [
        (file, name)
        for file, name in names(options.source)
        if not options.tests or file in options.tests or f"{file}/{name}" in options.tests
    ]
    if not tests:
        sys.exit(f"no test is named {' or '.join(options.tests)}")
    is_crun = suite.version.startswith("crun")
    wanted = {} if options.record else expected()
    excepted = set() if is_crun else exceptions()
    print(f"# {suite.version}, {suite.runtime}\n1..{len(tests)}")
    remove(cgroups())  # Of a run that was killed; a test behaves differently where they exist.
    results, missed, leaks = {}, [], []
    for number, (file, name) in enumerate(tests, 1):
        test = f"{file}/{name}"
        began = time.monotonic()
        result, output, left = suite.run(file, name)
        results[test] = result
        if wanted.get(test) == "pass" and (result == "pass") == (test in excepted):
            missed.append(test)
        # TAP's words: TODO is a failure that is expected, with its reason.
        note = "SKIP" if result == "skip" else ""
        if result == "fail" and test in wanted and test not in missed:
            note = "TODO " + ("see specs/conformance.md" if test in excepted else "as with crun")
        word = "not ok" if result == "fail" else "ok"
        print(f"{word} {number} - {test}{' # ' + note if note else ''}", flush=True)
        if time.monotonic() > began + 3:
            print(f"# took {time.monotonic() - began:.1f} s")
        if left:
            leaks.append(test)
            print("".join(f"# left {path}\n" for path in left), end="")
        if test in missed or (result == "fail" and not note):
            print("".join(f"#   {line[:300]}\n" for line in output.strip().split("\n")[-20:]), end="")
    counts = {kind: list(results.values()).count(kind) for kind in ("pass", "skip", "fail")}
    print(f"# {len(tests)} tests: " + ", ".join(f"{counts[kind]} {kind}" for kind in counts))
    if options.record:
        record(suite, results)
        return
    passing = sum(wanted.get(test) == "pass" for test in results)
    listed = sorted(excepted & set(results))
    print(f"# with crun {passing} of these pass; not as expected here: {missed}")
    if not is_crun:
        print(f"# not to pass by specs/conformance.md: {listed}")
        print(f"# {len(leaks)} tests left cgroups behind: {leaks}")
        missed += leaks
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
