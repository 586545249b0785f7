import Foundation
import Harness
import Testing

/// Large uses of the shares of a VM, with this machine's own programs, whose /usr it has read-only.
///
/// SWRUN_LARGE_MEGABYTES and SWRUN_LARGE_FILES make them smaller than 10 GB and 50,000 files.
extension Machines {
  @Suite(.long) struct LargeFiles {
    private static func number(_ name: String, _ standard: Int) -> Int {
      ProcessInfo.processInfo.environment[name].flatMap { Int($0) } ?? standard
    }

    /// Runs a shell script in a VM with this machine's programs; /work is its own, and is shown to `before` and
    /// `after` by its path on the host.
    private func runHere(
      _ script: String, memory: Int = 1024, before: (String) throws -> Void = { _ in },
      after: (String) throws -> Void = { _ in }
    ) throws -> Outcome {
      try withLargeSandbox { box in
        let container = try box.container("vm", rootfs: false, isolation: .annotation) {
          $0.isolate(["dev.swrun.vm.memory": "\(memory)"])
          $0["root.readonly"] = false
          $0.bind("/usr", "/usr", "ro")
          $0.tmpfs("/tmp", "mode=1777")
          $0.env("HOME=/work")
          $0.args("/usr/bin/bash", "-c", "set -e; cd /work; \(script)")
        }
        for name in ["usr", "etc", "work", "proc", "sys", "dev", "tmp"] {
          try container.makeDirectory(name)
        }
        for name in ["bin", "sbin", "lib", "lib64"] {
          symlink("usr/\(name)", "\(container.rootfs)/\(name)")
        }
        try container.put("etc/passwd", "root:x:0:0:root:/work:/bin/sh\n")
        try before("\(container.rootfs)/work")
        let result = try container.run(timeout: 7200)
        do { try after("\(container.rootfs)/work") } catch { Issue.record(error) }
        return result
      }
    }

    @Test func aLargeFileIsReadBackAsWritten() throws {
      let size = Self.number("SWRUN_LARGE_MEGABYTES", 10_240)
      // Of random bytes, each block begins at another place, so that none is at a wrong one unseen.
      let result = try runHere(
        """
        cat > file.py <<'END'
        import os
        M = 1 << 20
        random = os.urandom(2 * M)
        def block(i):
            start = i * 4099 % M
            return random[start:start + M]
        with open('large', 'wb', buffering=0) as f:
            for i in range(\(size)):
                assert f.write(block(i)) == M
            os.fsync(f.fileno())
        print(os.stat('large').st_size)
        with open('large', 'rb', buffering=0) as f:
            print(all(f.read(M) == block(i) for i in range(\(size))), f.read(1) == b'')
        END
        /usr/bin/python3 file.py
        dd if=large of=copy bs=1M iflag=direct oflag=direct status=none
        """,
        after: { try host("cmp", "\($0)/large", "\($0)/copy", timeout: 600).ok("cmp") })
      #expect(result.lines == ["\(size << 20)", "True True"], "\(result)")
    }

    @Test(.program("gcc"), .program("make")) func aCompilerWorks() throws {
      let result = try runHere(
        """
        for i in $(seq 20); do
          echo "int f$i(int x) { return x + $i; }" > f$i.c
          echo "f$i.o: f$i.c; gcc -O1 -c f$i.c" >> Makefile
        done
        { for i in $(seq 20); do echo "int f$i(int);"; done; echo '#include <stdio.h>'
          echo 'int main(void) { int x = 0;'
          for i in $(seq 20); do echo "x = f$i(x);"; done
          echo 'printf("%d\\n", x); return 0; }'; } > main.c
        { echo "sum: $(echo f{1..20}.o) main.c; gcc -o sum main.c $(echo f{1..20}.o)"; cat Makefile; } > M
        make -s -j2 -f M && ./sum; make -q -f M && echo "up to date"
        """)
      #expect(result.lines == ["210", "up to date"], "\(result)")
    }

    @Test(.program("git")) func gitClonesALargeRepository() throws {
      let files = Self.number("SWRUN_LARGE_FILES", 50_000)
      let result = try runHere(
        """
        export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
        git clone -q one two
        git -C two ls-files | wc -l
        git -C two status --short | wc -l; git -C two fsck 2>/dev/null && echo sound
        """,
        before: { work in
          try host(
            "bash", "-c",
            """
            set -e; git init -q \(work)/one; cd \(work)/one
            for ((i = 0; i < \(files); i++)); do
              [ $((i % 500)) != 0 ] || mkdir d$((i / 500))
              echo "file $i" > d$((i / 500))/f$i
            done
            git add .; git -c user.name=n -c user.email=e commit -qm all
            """, timeout: 300
          ).ok("a repository of \(files) files")
        },
        after: {
          try host("diff", "-r", "-x", ".git", "\($0)/one", "\($0)/two", timeout: 300).ok("diff")
        })
      #expect(result.lines == ["\(files)", "0", "sound"], "\(result)")
    }

    @Test func databasesLock() throws {
      let result = try runHere(
        """
        cat > writer.py <<'END'
        import sqlite3, sys
        c = sqlite3.connect('db', timeout=300, isolation_level=None)
        for i in range(200):
            c.execute('begin immediate')
            n, = c.execute('select value from counter').fetchone()
            c.execute('update counter set value = ?', (n + 1,))
            c.execute('insert into log values (?, ?)', (sys.argv[1], n))
            c.execute('commit')
        END
        for mode in delete wal; do
          rm -f db*
          /usr/bin/python3 -c "
        import sqlite3; c = sqlite3.connect('db'); c.execute('pragma journal_mode=$mode')
        c.execute('create table counter (value)'); c.execute('insert into counter values (0)')
        c.execute('create table log (who, n unique)'); c.commit()"
          /usr/bin/python3 writer.py a & one=$!; /usr/bin/python3 writer.py b & two=$!
          wait $one; wait $two
          /usr/bin/python3 -c "
        import sqlite3; c = sqlite3.connect('db')
        print('$mode', c.execute('select value from counter').fetchone()[0], c.execute('select count(*) from log').fetchone()[0], c.execute('pragma integrity_check').fetchone()[0])"
        done
        """)
      #expect(result.lines == ["delete 400 400 ok", "wal 400 400 ok"], "\(result)")
    }

    /// In a copy of a minimal Debian, which hack/testbed makes.
    @Test(.debian, .program("dpkg-deb")) func dpkgInstalls() throws {
      try withLargeSandbox { box in
        let container = try box.container("vm", rootfs: false, isolation: .annotation) {
          $0.isolate()
          $0["root.readonly"] = false
          $0["process.noNewPrivileges"] = false
          $0.capabilities(
            ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETUID", "SETGID", "SYS_CHROOT"].map {
              "CAP_" + $0
            })
          $0.sh(
            """
            dpkg -i /package.deb && cat /usr/share/swrun-test/file && stat -c '%a %U' /usr/bin/swrun-test
            dpkg -V swrun-test && dpkg -r swrun-test && ls /usr/bin/swrun-test; dpkg --audit && echo sound
            """)
        }
        try host("cp", "-a", Machines.debian, container.rootfs).ok("cp -a")
        let package = box.path("package")
        try host(
          "sh", "-c",
          """
          mkdir -p \(package)/DEBIAN \(package)/usr/share/swrun-test \(package)/usr/bin
          echo content > \(package)/usr/share/swrun-test/file
          printf '#!/bin/sh\\n' > \(package)/usr/bin/swrun-test; chmod 4755 \(package)/usr/bin/swrun-test
          i=0; while [ $i -lt 500 ]; do echo $i > \(package)/usr/share/swrun-test/$i; i=$((i + 1)); done
          printf 'Package: swrun-test\\nVersion: 1\\nArchitecture: all\\nMaintainer: n <n@e>\\nDescription: test\\n' > \(package)/DEBIAN/control
          dpkg-deb --root-owner-group -b \(package) \(container.rootfs)/package.deb
          """
        ).ok("dpkg-deb")
        let result = try container.run(timeout: 1800)
        #expect(result.lines.contains("content"), "\(result)")
        #expect(result.lines.contains("4755 root"), "\(result)")
        #expect(result.lines.last == "sound", "\(result)")
      }
    }
  }

  /// The Debian of the long form of hack/testbed, or where that form makes it.
  static let debian = extra("debian") ?? NSHomeDirectory() + "/.cache/swrun/debian-bookworm"
}

extension Trait where Self == ConditionTrait {
  static var debian: Self {
    .enabled(
      if: access(Machines.debian + "/usr/bin/dpkg", X_OK) == 0, "no \(Machines.debian) here")
  }
}

/// As `withSandbox`, with a result.
private func withLargeSandbox<Result>(_ body: (Sandbox) throws -> Result) throws -> Result {
  var result: Result?
  try withSandbox { result = try body($0) }
  return result!
}
