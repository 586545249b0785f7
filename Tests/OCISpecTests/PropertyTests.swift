import JSON
import OCISpec
import Testing

/// Each property of the complete configuration, one by one, with good and bad values.
@Suite struct PropertyTests {
  /// The values of the complete configuration that the specification gives a type.
  static let places: [(steps: [JSONPlace.Step], value: Tree)] = {
    let tree = try! Tree.parse(CompleteConfig.text)
    return tree.places.filter { place in
      ![.member("solaris"), .member("windows"), .member("zos")].contains(place.steps[0])
    }
  }()

  static let tree = try! Tree.parse(CompleteConfig.text)

  private func refuse(
    _ tree: Tree, at steps: [JSONPlace.Step], _ reason: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let path = JSONPlace.path(steps)
    do {
      _ = try Spec(parsing: tree.text)
      Issue.record("\(path) is accepted", sourceLocation: sourceLocation)
    } catch {
      #expect(error.path == path, "\(error)", sourceLocation: sourceLocation)
      #expect(error.reason.contains(reason), "\(error)", sourceLocation: sourceLocation)
      let line = error.line ?? 0
      #expect(line > 1, sourceLocation: sourceLocation)
    }
  }

  @Test func thereAreAllOfThem() {
    #expect(Self.places.count == 328)
  }

  /// What is left out is missed: each value is read, and read into a place of its own.
  @Test func eachIsRead() throws {
    for place in Self.places {
      let without = Self.tree.replacing(place.steps, by: nil)
      if let spec = try? Spec(parsing: without.text) {
        #expect(spec != CompleteConfig.value, "\(JSONPlace.path(place.steps)) is not read")
      }
    }
  }

  @Test func eachChangeIsSeen() throws {
    for place in Self.places {
      let other: Tree
      switch place.value {
      case .integer(let integer): other = .integer(integer == 0 ? 1 : integer - 1)
      case .bool(let bool): other = .bool(!bool)
      case .string(let string): other = .string(string + "x")
      default: continue
      }
      let changed = Self.tree.replacing(place.steps, by: other)
      if let spec = try? Spec(parsing: changed.text) {
        #expect(spec != CompleteConfig.value, "\(JSONPlace.path(place.steps)) is not read")
        #expect(try Spec(parsing: spec.encoded()) == spec)
      }
    }
  }

  @Test func eachRefusesOtherKinds() {
    for place in Self.places {
      let others: [Tree] =
        switch place.value {
        // Among the arguments an integer stands for its digits.
        case .string where JSONPlace.path(place.steps).hasPrefix("process.args["):
          [.bool(true), .raw("1.5"), .array([]), .object([:])]
        case .string: [.integer(7), .bool(true), .array([]), .object([:])]
        case .integer: [.string("root"), .bool(true), .array([]), .raw("1.5"), .raw("1e2")]
        case .bool: [.string("true"), .integer(1), .object([:])]
        case .array: [.string(""), .object([:]), .integer(0)]
        case .object: [.string(""), .array([]), .bool(false)]
        case .null, .raw: []
        }
      for other in others {
        refuse(Self.tree.replacing(place.steps, by: other), at: place.steps, "expected ")
      }
    }
  }

  @Test func eachIntegerIsChecked() {
    for place in Self.places {
      guard case .integer = place.value else { continue }
      for other in ["18446744073709551616", "-9223372036854775809"] {
        refuse(Self.tree.replacing(place.steps, by: .raw(other)), at: place.steps, "expected an ")
      }
    }
  }

  /// Every string but the value of an annotation goes to the kernel, which would cut it.
  @Test func eachStringRefusesNUL() throws {
    for place in Self.places {
      guard case .string(let string) = place.value else { continue }
      let changed = Self.tree.replacing(place.steps, by: .string(string + "\u{0}/etc"))
      if place.steps[0] == .member("annotations") {
        let spec = try Spec(parsing: changed.text)
        #expect(spec.annotations.values.contains(string + "\u{0}/etc"))
      } else {
        refuse(changed, at: place.steps, "NUL")
      }
    }
  }

  @Test func eachKeyRefusesNUL() {
    for member in ["sysctl", "netDevices", "timeOffsets"] {
      let steps: [JSONPlace.Step] = [.member("linux"), .member(member)]
      let changed = Self.tree.replacing(steps, by: .object(["a\u{0}b": .object([:])]))
      refuse(changed, at: steps, "NUL")
    }
    for member in ["rdma", "unified"] {
      let steps: [JSONPlace.Step] = [.member("linux"), .member("resources"), .member(member)]
      refuse(
        Self.tree.replacing(steps, by: .object(["a\u{0}b": .object([:])])), at: steps, "NUL")
    }
  }

  @Test func eachStringRefusesInvalidUTF8() {
    for place in Self.places {
      guard case .string = place.value else { continue }
      let changed = Self.tree.replacing(place.steps, by: .string("#-#"))
      var bytes = changed.text
      for index in bytes.indices.dropFirst(2)
      where bytes[(index - 2)...index].elementsEqual("#-#".utf8) {
        bytes[index - 1] = 0xFF
      }
      do {
        _ = try Spec(parsing: bytes)
        Issue.record("\(JSONPlace.path(place.steps)) is accepted")
      } catch {
        #expect(error.reason == "invalid UTF-8 in a string")
        #expect(error.path == JSONPlace.path(place.steps))
      }
    }
  }

  @Test func eachEnumerationRefusesOthers() {
    let paths: Set<String> = [
      "process.rlimits[0].type", "process.scheduler.policy", "process.scheduler.flags[1]",
      "process.ioPriority.class", "linux.namespaces[0].type", "linux.devices[0].type",
      "linux.resources.devices[1].type", "linux.rootfsPropagation", "linux.seccomp.defaultAction",
      "linux.seccomp.architectures[0]", "linux.seccomp.flags[0]",
      "linux.seccomp.syscalls[0].action",
      "linux.seccomp.syscalls[1].args[0].op", "linux.personality.domain",
      "linux.memoryPolicy.mode", "linux.memoryPolicy.flags[0]",
    ]
    var count = 0
    for place in Self.places where paths.contains(JSONPlace.path(place.steps)) {
      count += 1
      refuse(
        Self.tree.replacing(place.steps, by: .string("whatever")), at: place.steps,
        "found \"whatever\"")
    }
    #expect(count == paths.count)
    #expect(
      fault(config(linux: #""timeOffsets": {"realtime": {}}"#))
        .hasSuffix("linux.timeOffsets.realtime: is not known"))
  }
}
