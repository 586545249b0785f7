/// What this program is and which specification it implements.
public enum Version {
  public static let program = "0.1.0"
  /// The newest version of the OCI runtime specification whose every field is known.
  public static let specification = "1.2.0"

  /// What `--version` prints, in the lines that engines look for in runc's and crun's.
  public static var text: String {
    "swrun version \(program)\nspec: \(specification)\n+SYSTEMD +CAP +SECCOMP +EBPF\n"
  }
}
