/// The manual page swrun(8) in roff, made from the table.
public enum Manual {
  public static func text() -> String {
    var page = """
      .\\" Made by 'swrun man' from the table of options.
      .TH SWRUN 8 "" "swrun \(Version.program)" "System Administration"
      .SH NAME
      swrun \\- run OCI containers
      .SH SYNOPSIS
      .B swrun
      .RI [ OPTION ...]
      .I VERB
      .RI [ OPTION ...]
      .RI [ ID "] ..."
      .SH DESCRIPTION
      .B swrun
      runs containers as the OCI runtime specification says, from bundles: a directory with a
      configuration
      .I config.json
      and a root filesystem. Its verbs, options and output are those of
      .BR runc (8)
      and
      .BR crun (1),
      so that container engines can use it in their place.
      .PP
      Options are written
      .B \\-\\-name
      .IR value ,
      .BI \\-\\-name= value
      or
      .B \\-name
      .IR value .
      .SH "OPTIONS BEFORE THE VERB"

      """
    page += list(Table.global)
    page += ".SH VERBS\n"
    for verb in Verb.allCases where !verb.isHidden { page += section(verb) }
    page += closing
    return page
  }

  private static func section(_ verb: Verb) -> String {
    let row = Table.description(of: verb)
    var text = ".SS \"swrun \(verb.rawValue)"
    if !row.options.isEmpty { text += " [OPTION...]" }
    let operands = escaped(row.operands.description)
    if !operands.isEmpty { text += " \(operands)" }
    text += "\"\n\(escaped(row.details.description))\n"
    return text + list(row.options)
  }

  private static func list(_ options: [Option]) -> String {
    var text = ""
    for option in options {
      text += ".TP\n"
      if let short = option.short { text += "\\fB\\-\(short)\\fR, " }
      text += "\\fB\\-\\-\(escaped(option.name.rawValue))\\fR"
      switch option.value {
      case .flag: break
      case .word(let words):
        text += " " + words.map { "\\fB\(escaped($0.description))\\fR" }.joined(separator: "|")
      case .text, .file, .directory:
        text += " \\fI\(escaped(option.placeholder ?? ""))\\fR"
      }
      text += "\n\(escaped(option.help.description)).\n"
    }
    return text
  }

  /// Text in which roff sees nothing but characters.
  static func escaped(_ text: String) -> String {
    var result = ""
    var atStart = true
    for character in text {
      switch character {
      case "\\": result += "\\e"
      case "-": result += "\\-"
      case "…": result += "..."
      case ".", "'":
        // A control character only at the start of a line.
        if atStart { result += "\\&" }
        result.append(character)
      default: result.append(character)
      }
      atStart = character == "\n"
    }
    return result
  }

  private static let closing = """
    .SH FILES
    .TP
    .I /run/swrun/ID
    The state of the container, or
    .I $XDG_RUNTIME_DIR/swrun/ID
    for a user without privileges.
    .SH "EXIT STATUS"
    .B run
    and
    .B exec
    end with the exit status of the process, or with 128 plus the number of the signal that ended
    it. 126 says that the command cannot be executed, 127 that there is none of its name. Every
    other verb ends with 0, or with 1 and one line on standard error.
    .SH EXAMPLES
    .nf
    swrun run \\-\\-rootfs /srv/busybox \\-\\-memory 256m demo \\-\\- sh \\-c 'echo hello'
    swrun spec \\-\\-bundle /srv/bundle
    swrun run \\-\\-bundle /srv/bundle demo
    .fi
    .SH "SEE ALSO"
    .BR runc (8),
    .BR crun (1),
    .BR podman (1),
    .BR containerd (8)

    """
}
