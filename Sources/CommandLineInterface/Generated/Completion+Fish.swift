extension Completion {
  static func fishScript() -> String {
    var script = """
      # fish completion of swrun; made by 'swrun completion fish'.
      complete -c swrun -f

      function __swrun_containers
        swrun list -q 2>/dev/null
      end

      set -l verbs \(verbs.map(\.verb.rawValue).joined(separator: " "))

      """
    let none = "\"not __fish_seen_subcommand_from $verbs\""
    for option in Table.global { script += line(option, none) }
    for verb in verbs {
      script += "complete -c swrun -n \(none) -a \(verb.verb.rawValue)"
      script += " -d \(quotedForFish(verb.summary.description))\n"
    }
    for verb in verbs {
      let here = "\"__fish_seen_subcommand_from \(verb.verb.rawValue)\""
      for option in verb.options { script += line(option, here) }
      if takesContainer(verb) {
        script += "complete -c swrun -n \(here) -a '(__swrun_containers)'\n"
      } else if verb.verb == .help {
        script += "complete -c swrun -n \(here) -a \"$verbs\"\n"
      }
    }
    return script
  }

  private static func line(_ option: Option, _ condition: String) -> String {
    var text = "complete -c swrun -n \(condition) -l \(option.name.rawValue)"
    if let short = option.short { text += " -s \(short)" }
    switch option.value {
    case .flag: break
    case .text: text += " -x"
    case .file: text += " -r -F"
    case .directory: text += " -x -a '(__fish_complete_directories)'"
    case .word(let words):
      text += " -x -a \(quotedForFish(words.map(\.description).joined(separator: " ")))"
    }
    return text + " -d \(quotedForFish(option.help.description))\n"
  }

  /// Single quotes of fish know \\ and \' inside.
  private static func quotedForFish(_ text: String) -> String {
    var result = "'"
    for character in text {
      if character == "'" || character == "\\" { result += "\\" }
      result.append(character)
    }
    return result + "'"
  }
}
