"""A stand-in for util-linux's Python module libmount, which Debian 12 does not package: just what
test_mounts.py of crun's suite asks of it, to find one target in a copy of /proc/self/mountinfo."""


class Entry:
    def __init__(self, line):
        fields = line.split()
        rest = fields[fields.index("-") + 1 :]
        self.target = fields[4]
        self.vfs_options = fields[5]
        self.fs_options = rest[2]


class Table:
    def __init__(self, path):
        with open(path) as file:
            self.entries = [Entry(line) for line in file if " - " in line]

    def find_target(self, target):
        # Of several mounts on one path the last is the one that is seen.
        return [entry for entry in self.entries if entry.target == target][-1]
