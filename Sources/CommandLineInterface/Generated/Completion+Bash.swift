extension Completion {
  static func bashScript() -> String {
    var script = """
      # bash completion of swrun; made by 'swrun completion bash'.
      _swrun() {
        local current="${COMP_WORDS[COMP_CWORD]}" previous="" verb="" operands=0 root=() index word
        COMPREPLY=()
        [ "$COMP_CWORD" -gt 0 ] && previous="${COMP_WORDS[COMP_CWORD - 1]}"
        for ((index = 1; index < COMP_CWORD; index++)); do
          word="${COMP_WORDS[index]}"
          if [ -z "$verb" ]; then
            case "$word" in
              --root) root=(--root "${COMP_WORDS[index + 1]}"); ((index++)) ;;
              \(valued(Table.global, except: .root))) ((index++)) ;;
              -*) ;;
              *) verb="$word" ;;
            esac
          else
            case "$verb:$word" in

      """
    for verb in verbs {
      let pattern = patterns(verb.options, prefix: "\(verb.verb.rawValue):")
      if !pattern.isEmpty { script += "        \(pattern)) ((index++)) ;;\n" }
    }
    script += """
              *:-*) ;;
              *) ((operands++)) ;;
            esac
          fi
        done
        case "$verb:$previous" in

      """
    script += values(Table.global, prefix: "*:")
    for verb in verbs { script += values(verb.options, prefix: "\(verb.verb.rawValue):") }
    script += """
        esac
        case "$verb" in
          "") COMPREPLY=($(compgen -W "\(names(Table.global)) \(verbNames())" -- "$current")) ;;

      """
    for verb in verbs {
      script += "    \(verb.verb.rawValue))\n"
      script += "      if [[ $current == -* ]]; then\n"
      script +=
        "        COMPREPLY=($(compgen -W \"\(names(verb.options)) --help\" -- \"$current\"))\n"
      if takesContainer(verb) {
        script += "      elif [ \"$operands\" -eq 0 ]; then\n"
        script += "        COMPREPLY=($(compgen -W \"$(swrun \"${root[@]}\" list -q 2>/dev/null)\""
        script += " -- \"$current\"))\n"
      } else if verb.verb == .help {
        script += "      else\n"
        script += "        COMPREPLY=($(compgen -W \"\(verbNames())\" -- \"$current\"))\n"
      }
      script += "      fi ;;\n"
    }
    return script + "  esac\n}\ncomplete -F _swrun swrun\n"
  }

  private static func names(_ options: [Option]) -> String {
    options.map { "--\($0.name.rawValue)" }.joined(separator: " ")
  }

  private static func verbNames() -> String {
    verbs.map(\.verb.rawValue).joined(separator: " ")
  }

  /// The spellings of the options with values as a case pattern.
  private static func valued(_ options: [Option], except name: OptionName) -> String {
    patterns(options.filter { $0.name != name }, prefix: "")
  }

  private static func patterns(_ options: [Option], prefix: String) -> String {
    options.filter(\.takesValue).map { spellings($0, prefix) }.joined(separator: "|")
  }

  private static func spellings(_ option: Option, _ prefix: String) -> String {
    let long = "\(prefix)--\(option.name.rawValue)"
    return option.short.map { "\(long)|\(prefix)-\($0)" } ?? long
  }

  /// Case branches that complete the value of the previous word.
  private static func values(_ options: [Option], prefix: String) -> String {
    var text = ""
    for option in options where option.takesValue {
      let reply: String
      switch option.value {
      case .flag: continue
      case .text: reply = ""
      case .file: reply = "COMPREPLY=($(compgen -f -- \"$current\")); "
      case .directory: reply = "COMPREPLY=($(compgen -d -- \"$current\")); "
      case .word(let words):
        let list = words.map(\.description).joined(separator: " ")
        reply = "COMPREPLY=($(compgen -W \"\(list)\" -- \"$current\")); "
      }
      text += "    \(spellings(option, prefix))) \(reply)return ;;\n"
    }
    return text
  }
}
