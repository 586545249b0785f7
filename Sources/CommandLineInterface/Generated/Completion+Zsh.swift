extension Completion {
  static func zshScript() -> String {
    var script = """
      #compdef swrun
      # zsh completion of swrun; made by 'swrun completion zsh'.

      _swrun_containers() {
        local -a ids root
        [[ -n ${opt_args[--root]} ]] && root=(--root ${opt_args[--root]})
        ids=(${(f)"$(_call_program containers swrun ${root} list -q 2>/dev/null)"})
        compadd -a ids
      }

      _swrun_verbs() {
        local -a verbs
        verbs=(

      """
    for verb in verbs {
      script += "    \(quoted("\(verb.verb.rawValue):\(verb.summary)"))\n"
    }
    script += """
        )
        _describe verb verbs
      }

      _swrun() {
        local curcontext="$curcontext" state line
        typeset -A opt_args
        _arguments -C \\
      \(arguments(Table.global))    '1:verb:_swrun_verbs' \\
          '*::argument:->arguments'
        [[ $state == arguments ]] || return
        case $words[1] in

      """
    for verb in verbs {
      script += "    \(verb.verb.rawValue))\n      _arguments \\\n"
      script += arguments(verb.options, indent: "        ")
      script += "        \(quoted("--help[print this help]"))"
      if takesContainer(verb) {
        script += " \\\n        '1:container:_swrun_containers'"
        if verb.verb == .exec { script += " \\\n        '*::command:_normal'" }
      } else if verb.verb == .help {
        script += " \\\n        '1:verb:_swrun_verbs'"
      }
      script += " ;;\n"
    }
    return script + "  esac\n}\n\n_swrun \"$@\"\n"
  }

  private static func arguments(_ options: [Option], indent: String = "    ") -> String {
    var text = ""
    for option in options {
      let action: String
      switch option.value {
      case .flag: action = ""
      case .text(let name): action = ":\(escapedColons(name.description)): "
      case .file: action = ":file:_files"
      case .directory: action = ":directory:_files -/"
      case .word(let words):
        action = ":value:(\(words.map(\.description).joined(separator: " ")))"
      }
      let help = "[\(escapedBrackets(option.help.description))]"
      let many = option.isRepeatable ? "*" : ""
      let equals = option.takesValue ? "=" : ""
      text += indent + quoted("\(many)--\(option.name.rawValue)\(equals)\(help)\(action)") + " \\\n"
      guard let short = option.short else { continue }
      let plus = option.takesValue ? "+" : ""
      text += indent + quoted("\(many)-\(short)\(plus)\(help)\(action)") + " \\\n"
    }
    return text
  }

  private static func escapedBrackets(_ text: String) -> String { escaped(text, "[]:") }
  private static func escapedColons(_ text: String) -> String { escaped(text, ":") }

  private static func escaped(_ text: String, _ special: String) -> String {
    var result = ""
    for character in text {
      if special.contains(character) { result += "\\" }
      result.append(character)
    }
    return result
  }
}
