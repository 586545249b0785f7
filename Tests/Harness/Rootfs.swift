import Foundation

/// A minimal root filesystem around a static busybox.
public enum Rootfs {
  static let applets = [
    "[", "awk", "basename", "cat", "chgrp", "chmod", "chown", "chroot", "cp", "cut", "date", "dd",
    "df", "dirname", "dmesg", "du", "echo", "env", "expr", "false", "find", "grep", "head",
    "hostname", "id", "ifconfig", "ionice", "ip", "ipcs", "kill", "link", "ln", "ls", "md5sum",
    "mkdir", "mkfifo", "mknod", "mktemp", "mount", "mountpoint", "mv", "nc", "nice", "nproc", "od",
    "ping", "printf", "ps", "pwd", "readlink", "realpath", "renice", "rm", "rmdir", "route", "sed",
    "seq", "sh", "sleep", "sort", "stat", "stty", "sync", "sysctl", "tail", "tee", "test",
    "timeout", "touch", "tr", "true", "truncate", "tty", "umount", "uname", "uniq", "unlink",
    "unshare", "usleep", "wc", "who", "whoami", "xargs", "yes", "chrt", "taskset", "setsid",
    "hexdump", "sha256sum", "ash",
  ]

  /// The host's static busybox.
  public static let busybox: String = Child.find("busybox")

  /// Writes a root filesystem into the new directory `path`.
  public static func make(_ path: String) throws {
    let files = FileManager.default
    for directory in [
      "bin", "dev", "etc", "home", "proc", "root", "sys", "tmp", "var", "usr", "run",
    ] {
      try files.createDirectory(atPath: "\(path)/\(directory)", withIntermediateDirectories: true)
    }
    guard chmod("\(path)/tmp", 0o1777) == 0 else { throw HarnessError("chmod \(path)/tmp") }
    try ExecutableFile.copy(template, to: "\(path)/bin/busybox")
    for applet in applets { symlink("busybox", "\(path)/bin/\(applet)") }
    try """
    root:x:0:0:root:/root:/bin/sh
    daemon:x:1:1:daemon:/:/bin/false
    tester:x:1000:1000:tester:/home:/bin/sh

    """.write(toFile: "\(path)/etc/passwd", atomically: false, encoding: .utf8)
    try """
    root:x:0:
    daemon:x:1:
    tty:x:5:
    tester:x:1000:
    extra:x:2000:tester

    """.write(toFile: "\(path)/etc/group", atomically: false, encoding: .utf8)
  }

  // One copy of the file a run: a bundle that breaks its own busybox breaks nobody else's.
  private static let template = busybox
}

/// The directory under which every sandbox of this run lies; it goes when the runner exits.
enum RunDirectory {
  static let path: String = {
    var name = Array("/tmp/swrun-test-XXXXXX".utf8CString)
    guard mkdtemp(&name) != nil else { fatalError("cannot make a directory in /tmp") }
    let path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    chmod(path, 0o755)
    atexit { rmdir(RunDirectory.path) }
    return path
  }()
}
