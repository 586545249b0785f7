import CLinux
import Foundation
import OCISpec
import Testing

@testable import Cgroups
@testable import Linux

typealias Rule = Resources.DeviceRule

/// Runs a device program as the kernel would: the eBPF that swrun generates, and no more.
struct Interpreter {
  let instructions: [bpf_insn]

  func run(_ kind: DevicePattern.Kind, _ major: UInt32, _ minor: UInt32, _ access: DeviceAccess)
    -> Bool?
  {
    let context = [UInt32(access.rawValue) << 16 | UInt32(kind.rawValue), major, minor]
    var registers = [UInt64](repeating: 0, count: 11)
    var place = 0
    // Each instruction at most once: there are no loops.
    for _ in 0...instructions.count {
      guard instructions.indices.contains(place) else { return nil }
      let one = instructions[place]
      place += 1
      let destination = Int(one.dst_reg)
      let low = UInt32(truncatingIfNeeded: registers[destination])
      let immediate = UInt32(bitPattern: one.imm)
      let source = UInt32(truncatingIfNeeded: registers[Int(one.src_reg)])
      switch Int32(one.code) {
      case BPF_LDX | BPF_MEM | BPF_W:
        guard one.src_reg == 1, one.off % 4 == 0, context.indices.contains(Int(one.off) / 4) else {
          return nil
        }
        registers[destination] = UInt64(context[Int(one.off) / 4])
      case BPF_ALU | BPF_MOV | BPF_X: registers[destination] = UInt64(source)
      case BPF_ALU | BPF_MOV | BPF_K: registers[destination] = UInt64(immediate)
      case BPF_ALU | BPF_AND | BPF_K: registers[destination] = UInt64(low & immediate)
      case BPF_ALU | BPF_RSH | BPF_K: registers[destination] = UInt64(low >> immediate)
      case BPF_JMP32 | BPF_JNE | BPF_K: if low != immediate { place += Int(one.off) }
      case BPF_JMP32 | BPF_JEQ | BPF_K: if low == immediate { place += Int(one.off) }
      case BPF_JMP | BPF_EXIT: return registers[0] == 1
      default: return nil
      }
    }
    return nil
  }
}

/// What the rules mean, said again in the plainest way: each access by the last rule for it.
func isAllowed(
  _ rules: [DeviceRule], _ kind: DevicePattern.Kind, _ major: UInt32, _ minor: UInt32,
  _ access: DeviceAccess
) -> Bool {
  [DeviceAccess.mknod, .read, .write].allSatisfy { bit in
    !access.contains(bit)
      || rules.last {
        $0.access.contains(bit) && $0.pattern.kind == kind
          && ($0.pattern.major ?? major) == major && ($0.pattern.minor ?? minor) == minor
      }?.allow == true
  }
}

/// What the v1 kernel does with a policy (security/device_cgroup.c, match_exception).
func isAllowed(
  _ policy: LegacyDevicePolicy, _ kind: DevicePattern.Kind, _ major: UInt32, _ minor: UInt32,
  _ access: DeviceAccess
) -> Bool {
  let device = DevicePattern(kind: kind, major: major, minor: minor)
  let matching = policy.exceptions.filter { $0.pattern.covers(device) }
  return policy.allowsByDefault
    ? !matching.contains { !$0.access.isDisjoint(with: access) }
    : matching.contains { $0.access.isSuperset(of: access) }
}

@Suite struct DeviceRuleTests {
  static let rules: [[Rule]] = [
    [],
    [Rule(allow: false, access: "rwm")],
    [Rule(allow: false), Rule(allow: true, type: .character, major: 10, minor: 229, access: "rw")],
    [Rule(allow: true, access: "rwm")],
    [Rule(allow: true), Rule(allow: false, type: .block, access: "w")],
    [Rule(allow: true, type: .all, major: 8, access: "r")],
    [Rule(allow: false, type: .all, access: "rw")],
    [
      Rule(allow: true, type: .block, major: 8, minor: -1, access: "rwm"),
      Rule(allow: false, type: .block, major: 8, minor: 1, access: "w"),
      Rule(allow: true, type: .block, major: 8, minor: 1, access: "w"),
      Rule(allow: false, type: .character, major: 1, minor: 3, access: "rwm"),
    ],
    [
      Rule(allow: true, type: .block, minor: 7, access: "mr"),
      Rule(allow: true, type: .block, major: 7, access: "w"),
    ],
    [Rule(allow: true, type: .character, major: 4_294_967_295, minor: 4_000_000_000, access: "r")],
  ]

  static let accesses = (1...7).map { DeviceAccess(rawValue: $0) }
  static let numbers: [UInt32] = [0, 1, 3, 5, 7, 8, 10, 136, 200, 229, 4_000_000_000, .max]

  @Test(arguments: rules) func theProgramMeansTheRules(given: [Rule]) throws {
    let rules = try DeviceRule.effective(given)
    let interpreter = Interpreter(instructions: DeviceProgram(rules).instructions)
    for kind in [DevicePattern.Kind.block, .character] {
      for major in Self.numbers {
        for minor in Self.numbers {
          for access in Self.accesses {
            let expected = isAllowed(rules, kind, major, minor, access)
            #expect(
              interpreter.run(kind, major, minor, access) == expected,
              "\(kind) \(major):\(minor) \(access)")
          }
        }
      }
    }
  }

  /// Random rules, the defaults left out so that the rules themselves decide.
  @Test func randomProgramsMeanTheirRules() throws {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<500 {
      let rules = Self.randomRules(&random)
      let interpreter = Interpreter(instructions: DeviceProgram(rules).instructions)
      for _ in 0..<100 {
        let kind: DevicePattern.Kind = .random(&random)
        let (major, minor) = (UInt32.random(in: 0...3), UInt32.random(in: 0...3))
        let access = DeviceAccess(rawValue: .random(in: 1...7))
        #expect(
          interpreter.run(kind, major, minor, access)
            == isAllowed(rules, kind, major, minor, access), "\(rules)")
      }
    }
  }

  /// A v1 list either means the rules or is refused; never something else.
  @Test func randomPoliciesMeanTheirRules() throws {
    var random = SystemRandomNumberGenerator()
    var refused = 0
    for _ in 0..<3000 {
      let rules = Self.randomRules(&random)
      guard let policy = try? LegacyDevicePolicy(rules) else {
        refused += 1
        continue
      }
      for _ in 0..<50 {
        let kind: DevicePattern.Kind = .random(&random)
        let (major, minor) = (UInt32.random(in: 0...3), UInt32.random(in: 0...3))
        // One at a time: the kernel wants all of several in one exception.
        let access = [DeviceAccess.mknod, .read, .write].randomElement()!
        #expect(
          isAllowed(policy, kind, major, minor, access)
            == isAllowed(rules, kind, major, minor, access), "\(rules)")
      }
    }
    #expect(refused > 0 && refused < 3000)
  }

  private static func randomRules(_ random: inout SystemRandomNumberGenerator) -> [DeviceRule] {
    (0..<Int.random(in: 0...8)).map { index in
      DeviceRule(
        allow: .random(),
        pattern: DevicePattern(
          kind: .random(&random), major: Bool.random() ? nil : .random(in: 0...3),
          minor: Bool.random() ? nil : .random(in: 0...3)),
        access: DeviceAccess(rawValue: .random(in: 1...7)), index: index)
    }
  }

  @Test func thePolicyOfDefaults() throws {
    let policy = try LegacyDevicePolicy(try DeviceRule.effective([Rule(allow: false)]))
    #expect(!policy.allowsByDefault)
    // As devices.list shows it under runc 1.1.5.
    #expect(
      policy.exceptions.map { "\($0.pattern) \($0.access)" }.sorted() == [
        "b *:* m", "c *:* m", "c 10:200 rwm", "c 136:* rwm", "c 1:3 rwm", "c 1:5 rwm",
        "c 1:7 rwm", "c 1:8 rwm", "c 1:9 rwm", "c 5:0 rwm", "c 5:2 rwm",
      ])
    #expect(try LegacyDevicePolicy(try DeviceRule.effective([])) == policy)
    let all = try LegacyDevicePolicy(try DeviceRule.effective([Rule(allow: true)]))
    #expect(all.allowsByDefault && all.exceptions.isEmpty)
  }

  @Test func twoRulesAllowOneOpen() throws {
    let policy = try LegacyDevicePolicy(
      try DeviceRule.effective([
        Rule(allow: true, type: .character, major: 1, access: "r"),
        Rule(allow: true, type: .character, major: 1, minor: 11, access: "w"),
      ]))
    #expect(isAllowed(policy, .character, 1, 11, [.read, .write]))
    #expect(!isAllowed(policy, .character, 1, 12, [.read, .write]))
    // mknod asks alone: the rule that allows all nodes adds nothing to the list.
    #expect(policy.exceptions.first { $0.pattern.minor == 11 }?.access == [.read, .write])
  }

  @Test func aHoleInAWiderRuleIsRefusedOnV1() throws {
    let rules = try DeviceRule.effective([
      Rule(allow: false), Rule(allow: true, type: .character, major: 1),
      Rule(allow: false, type: .character, major: 1, minor: 11, access: "rw"),
    ])
    let message = failure { _ = try LegacyDevicePolicy(rules) }
    #expect(
      message
        == "linux.resources.devices[2]: deny c 1:11 rw: cgroup v1 cannot make an exception from the"
        + " earlier rule for c 1:* rwm (name the single devices in the earlier rule)")
  }

  @Test func refusedRules() {
    for (rule, expected) in [
      (Rule(allow: true, access: "x"), "devices[0].access: \"x\""),
      (Rule(allow: true, access: ""), "devices[0].access: \"\""),
      (Rule(allow: true, major: -2), "devices[0].major: -2: not a device number"),
      (Rule(allow: true, minor: 1 << 32), "devices[0].minor: 4294967296: not a device number"),
    ] {
      let message = failure { _ = try DeviceRule.effective([rule]) }
      #expect(message.hasPrefix("linux.resources." + expected), "\(message)")
    }
  }
}

extension DevicePattern.Kind {
  static func random(_ random: inout SystemRandomNumberGenerator) -> Self {
    Bool.random(using: &random) ? .block : .character
  }
}

/// The rules on the kernel itself: v1 by its files, v2 by the program in a real cgroup.
@Suite(.serialized, .enabled(if: canMakeCgroups)) struct DeviceEnforcementTests {
  /// What a process in the cgroup can do with nodes of its own.
  private func attempt(_ placement: CgroupPlacement, _ script: String) throws -> String {
    let directory = NSTemporaryDirectory() + "swrun-devices-\(getpid())"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let member = try Member(placement, "cd '\(directory)' || exit 98; exec 2>&1; \(script)")
    return try member.finish().output
  }

  private static let script = """
    mknod null c 1 3 && echo made null
    : > null && echo wrote null
    mknod kmsg c 1 11 && echo made kmsg
    (: < kmsg) && echo read kmsg
    (: >> kmsg) && echo wrote kmsg
    mknod loop b 7 0 && echo made loop
    case $( (: < loop) 2>&1 ) in *"not permitted"*) ;; *) echo read loop; esac
    """

  private func enforced(_ unifiedOnly: Bool, _ rules: [Rule]) throws -> Set<String> {
    let site = try Site(unifiedOnly: unifiedOnly)
    let cgroup = try Cgroup.create(site.placement)
    try cgroup.applyDevices(rules)
    return Set(
      try attempt(site.placement, Self.script).split(separator: "\n").map(String.init)
        .filter { $0.hasPrefix("made") || $0.hasPrefix("read") || $0.hasPrefix("wrote") })
  }

  @Test(arguments: [false, true]) func denyAndAllow(unifiedOnly: Bool) throws {
    if unifiedOnly ? !isHybrid : !machineHas("devices") { return }
    let nodes: Set = ["made null", "made kmsg", "made loop", "wrote null"]
    #expect(try enforced(unifiedOnly, [Rule(allow: false, access: "rwm")]) == nodes)
    #expect(
      try enforced(
        unifiedOnly,
        [
          Rule(allow: false),
          Rule(allow: true, type: .character, major: 1, minor: 11, access: "r"),
        ]) == nodes.union(["read kmsg"]))
    #expect(
      try enforced(
        unifiedOnly,
        [Rule(allow: true), Rule(allow: false, type: .character, major: 1, minor: 11, access: "w")])
        == nodes.union(["read kmsg", "read loop"]))
    #expect(
      try enforced(unifiedOnly, [Rule(allow: true)])
        == nodes.union(["read kmsg", "read loop", "wrote kmsg"]))
  }

  @Test(.enabled(if: machineHas("devices"))) func theListIsAsRuncLeavesIt() throws {
    let site = try Site()
    let cgroup = try Cgroup.create(site.placement)
    try cgroup.apply(.init(devices: [Rule(allow: false, access: "rwm")]))
    #expect(
      try site.read("devices", "devices.list").split(separator: "\n").sorted() == [
        "b *:* m", "c *:* m", "c 10:200 rwm", "c 136:* rwm", "c 1:3 rwm", "c 1:5 rwm",
        "c 1:7 rwm", "c 1:8 rwm", "c 1:9 rwm", "c 5:0 rwm", "c 5:2 rwm",
      ])
    // An update without rules leaves them alone.
    try cgroup.apply(.init(), scope: .update)
    #expect(try site.read("devices", "devices.list").split(separator: "\n").count == 11)
    // Again, over what is there.
    try cgroup.apply(.init(devices: [Rule(allow: true)]))
    #expect(try site.read("devices", "devices.list") == "a *:* rwm")
  }

  @Test(.enabled(if: isHybrid)) func replacingLeavesOneProgram() throws {
    let site = try Site(unifiedOnly: true)
    let cgroup = try Cgroup.create(site.placement)
    var seen: Set<UInt32> = []
    for count in 1...4 {
      try cgroup.applyDevices([
        Rule(allow: count % 2 == 0, type: .character, major: 1, minor: 11, access: "r")
      ])
      var ids = [UInt32](repeating: 0, count: 64)
      #expect(cl_bpf_query_device_programs(cgroup.unifiedDirectory!.rawValue, &ids, 64) == 1)
      seen.insert(ids[0])
      let output = try attempt(site.placement, Self.script)
      #expect(output.contains("read kmsg") == (count % 2 == 0))
    }
    #expect(seen.count == 4)
  }

  /// Programs that another tool attached are not more permissive while ours comes in.
  @Test(.enabled(if: isHybrid)) func severalProgramsAreReplacedByOne() throws {
    let site = try Site(unifiedOnly: true)
    let cgroup = try Cgroup.create(site.placement)
    for _ in 0..<2 {
      let program = try DeviceProgram(try DeviceRule.effective([])).load()
      #expect(
        cl_bpf_attach_device_program(cgroup.unifiedDirectory!.rawValue, program.rawValue, -1) == 0)
    }
    try cgroup.applyDevices([Rule(allow: true)])
    var ids = [UInt32](repeating: 0, count: 64)
    #expect(cl_bpf_query_device_programs(cgroup.unifiedDirectory!.rawValue, &ids, 64) == 1)
    #expect(try attempt(site.placement, Self.script).contains("wrote kmsg"))
  }

  @Test(.enabled(if: machineHas("devices"))) func aRootlessCgroupHasNoDeviceRules() throws {
    let site = try Site()
    let cgroup = try Cgroup.create(site.placement, rootless: true)
    try cgroup.apply(.init(devices: [Rule(allow: false)]))
    #expect(try site.read("devices", "devices.list") == "a *:* rwm")
  }
}
